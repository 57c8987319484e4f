// Figures from counters: pure. A figure is made of two answers of `/live`, some seconds apart.

/** What happened between two samples of one model; null where they cannot be compared. */
export function between(earlier, later) {
  const seconds = later.time - earlier.time;
  if (!(seconds > 0) || String(earlier.versions) !== String(later.versions)) return null;
  const buckets = later.latency.map((count, at) => count - earlier.latency[at]);
  if (buckets.some(count => count < 0)) return null;
  const answered = total(buckets);
  const batches = later.batches - earlier.batches;
  // Rows that only the worker can tell are counted by nobody.
  const batched = later.batched - earlier.batched;
  const unknown = batches > 0 && !batched;
  return {
    requests: answered / seconds,
    rows: unknown ? null : (later.rows - earlier.rows) / seconds,
    p50: quantile(later.bounds, buckets, 0.5),
    p95: quantile(later.bounds, buckets, 0.95),
    p99: quantile(later.bounds, buckets, 0.99),
    queue: later.waiting,
    batch: batched ? batched / batches : null,
    errors: (errors(later) - errors(earlier)) / seconds,
  };
}

/** Answers that were no success. */
export const errors = sample => total(Object.entries(sample.answers)
  .filter(([status]) => status >= "400").map(([, count]) => count));

const total = counts => counts.reduce((sum, count) => sum + count, 0);

/** The value below which a `share` lies, in a straight line within its bucket; null of none. */
export function quantile(bounds, buckets, share) {
  let left = share * total(buckets);
  if (!left) return null;
  for (const [at, count] of buckets.entries()) {
    if (left <= count) {
      const low = at ? bounds[at - 1] : 0;
      return low + ((bounds[at] ?? low) - low) * left / count;
    }
    left -= count;
  }
  return bounds.at(-1);
}

const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function written(name, value) {
  if (value === null || value === undefined) return "—";
  if (/^p\d/.test(name)) {
    return value < 1 ? `${plain.format(value * 1000)} ms` : `${plain.format(value)} s`;
  }
  return value >= 100 ? whole.format(value) : plain.format(value);
}
