// Two curves over the same years, as SVG: on a grid, named where they end.

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 640, HEIGHT = 260, LEFT = 56, RIGHT = 12, TOP = 10, BOTTOM = 26;
const MOST_YEARS = 8; // that are named below

/** A picture of `curves`: [{name, points: [[date, value]]}], dates as texts. */
export function chart(curves, until) {
  const points = curves.flatMap(curve => curve.points);
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": summary(curves) });
  if (!points.length) return svg;
  const end = time(until);
  const begin = Math.min(...points.map(([date]) => time(date)), end - 365 * 864e5);
  const values = points.map(([, value]) => value);
  const low = Math.floor(Math.min(...values) / 100) * 100;
  const high = Math.max(Math.ceil(Math.max(...values) / 100) * 100, low + 100);
  const x = at => LEFT + ((at - begin) / (end - begin)) * (WIDTH - LEFT - RIGHT);
  const y = value => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  svg.append(...levels(low, high, y), ...years(begin, end, x), ...curves.map((curve, which) => line(curve, which, x, y, end)));
  return svg;
}

function* steps(low, high, most) {
  const sizes = [1, 2, 5, 10, 20, 50, 100, 200, 500];
  const size = sizes.find(one => (high - low) / one <= most) ?? 1000;
  for (let at = Math.ceil(low / size) * size; at <= high; at += size) yield at;
}

const levels = (low, high, y) => [...steps(low, high, 5)].flatMap(value => [
  make("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
  make("text", { class: "tick end", x: LEFT - 6, y: y(value) + 4 }, value),
]);

const years = (begin, end, x) => {
  const first = new Date(begin).getUTCFullYear() + 1, last = new Date(end).getUTCFullYear();
  return [...steps(first, last, MOST_YEARS)]
    .map(year => [year, x(Date.UTC(year, 0, 1))])
    .filter(([, at]) => at > LEFT + 16 && at < WIDTH - RIGHT - 12)
    .map(([year, at]) => make("text", { class: "tick middle", x: at, y: HEIGHT - 8 }, year));
};

function line({ points }, which, x, y, end) {
  if (!points.length) return make("g");
  const path = points.map(([date, value]) => `${x(time(date)).toFixed(1)},${y(value).toFixed(1)}`);
  // What was last known holds until the day that is asked for.
  path.push(`${x(end).toFixed(1)},${y(points.at(-1)[1]).toFixed(1)}`);
  return make("polyline", { class: `curve side-${which}`, points: path.join(" ") });
}

const time = date => Date.parse(`${date}T00:00:00Z`);

const summary = curves => `Elo over time. ${curves.map(({ name, points }) => (points.length
  ? `${name}: ${Math.round(points.at(-1)[1])} at last, ${Math.round(Math.max(...points.map(([, value]) => value)))} at most`
  : `${name}: no match before`)).join("; ")}.`;

function make(tag, attributes = {}, text = "") {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}
