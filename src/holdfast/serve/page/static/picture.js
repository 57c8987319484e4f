// Pictures as numbers: ink from 0 to 1 for each cell, row by row. Pure.

// Ink that the eye does not see is none, for what is measured.
const FAINT = 0.1;
// Share of a side by which the middle of ink may be off, and the ink still counts as centred.
const OFF = 0.1;
const MOST_ENLARGED = 4; // times, so that a dot stays one

/** How a model's pictures are written, by those of its example (lists of numbers; maybe none). */
export function manner(pictures, { width, height, whole }) {
  const [paper, ink] = range(pictures, width, whole);
  const cells = { width, height };
  const found = pictures.map(one => measured(one.map(value => inked(value, paper, ink)), cells));
  const centred = found.length > 0 && found.every(one => one
    && Math.abs(one.x / width - 0.5) < OFF && Math.abs(one.y / height - 0.5) < OFF);
  const mean = name => found.reduce((sum, one) => sum + one[name], 0) / found.length;
  const fit = centred
    ? { x: mean("x"), y: mean("y"), side: Math.max(...found.map(one => one.side)) } : null;
  return { paper, ink, fit };
}

/** The values of paper and ink: of the ends of the numbers' range, paper is nearer to the edges. */
function range(pictures, width, whole) {
  let low = Infinity, high = -Infinity, edge = 0, count = 0;
  for (const cells of pictures) {
    for (const [at, value] of cells.entries()) {
      low = Math.min(low, value);
      high = Math.max(high, value);
      const across = at % width;
      const inside = across && across < width - 1 && at >= width && at < cells.length - width;
      if (!inside) { edge += value; count += 1; }
    }
  }
  if (!(low < high)) return [0, whole ? 255 : 1];
  const ends = low >= 0 ? [0, upTo(high)] : [low >= -1 && high <= 1 ? -1 : low, Math.max(high, 1)];
  return edge / count > (ends[0] + ends[1]) / 2 ? ends.reverse() : ends;
}

const upTo = high => (high <= 1 ? 1 : high > 127 && high <= 255 ? 255 : high);

export const inked = (value, paper, ink) =>
  Math.min(Math.max((value - paper) / (ink - paper), 0), 1);

/** Where ink is, its longer side, and its middle (centre of mass); null where there is none. */
export function measured(ink, { width, height }) {
  let left = width, top = height, right = -1, bottom = -1, mass = 0, x = 0, y = 0;
  for (let row = 0, at = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, at += 1) {
      if (ink[at] < FAINT) continue;
      left = Math.min(left, column);
      right = Math.max(right, column);
      top = Math.min(top, row);
      bottom = row;
      mass += ink[at];
      x += ink[at] * (column + 0.5);
      y += ink[at] * (row + 0.5);
    }
  }
  if (!mass) return null;
  const wide = right - left + 1, tall = bottom - top + 1;
  return { left, top, wide, tall, side: Math.max(wide, tall), x: x / mass, y: y / mass };
}

/** `ink` in `to.width` x `to.height` cells, brought to the size and middle of `fit` if there is one. */
export function brought(ink, from, to, fit) {
  const found = fit && measured(ink, from);
  if (!found) return byArea(ink, from, to, { left: 0, top: 0, step: from.width / to.width });
  const step = Math.max(found.side / fit.side, from.width / to.width / MOST_ENLARGED);
  // By whole cells, as MNIST was made: edges that are sharp stay that. No ink goes over the edge.
  const column = within(fit.x - (found.x - found.left) / step, to.width - found.wide / step);
  const row = within(fit.y - (found.y - found.top) / step, to.height - found.tall / step);
  const left = found.left - column * step, top = found.top - row * step;
  return byArea(ink, from, to, { left, top, step });
}

const within = (cell, most) => Math.round(Math.min(Math.max(cell, 0), Math.max(most, 0)));

/** Each cell is the mean of the `step` x `step` pixels that it covers, from `left` and `top` on. */
function byArea(ink, from, to, { left, top, step }) {
  const across = shares(left, step, to.width, from.width);
  const down = shares(top, step, to.height, from.height);
  const narrow = down.map(rows => across.map(columns => {
    let sum = 0;
    for (const [row, tall] of rows) {
      for (const [column, wide] of columns) sum += ink[row * from.width + column] * tall * wide;
    }
    return sum;
  }));
  return narrow.flat();
}

/** Along one side: the pixels that each cell covers, and the share that each has in it. */
const shares = (start, step, count, most) => Array.from({ length: count }, (_, at) => {
  const low = start + at * step, high = low + step, covered = [];
  for (let pixel = Math.max(0, Math.floor(low)); pixel < Math.min(most, high); pixel += 1) {
    covered.push([pixel, (Math.min(high, pixel + 1) - Math.max(low, pixel)) / step]);
  }
  return covered;
});

/**
 * Ink of a picture's pixels (RGBA): what is lighter or darker than its edges.
 *
 * What differs most is full ink, unless the picture is `exact`, one of white and black.
 */
export function inkIn(pixels, { width, height }, exact) {
  const light = Array.from({ length: width * height }, (_, at) =>
    (0.299 * pixels[4 * at] + 0.587 * pixels[4 * at + 1] + 0.114 * pixels[4 * at + 2]) / 255);
  const edges = light.filter((_, at) =>
    at < width || at >= light.length - width || at % width === 0 || at % width === width - 1);
  const edge = edges.sort((one, other) => one - other)[edges.length >> 1];
  const paper = exact ? Math.round(edge) : edge;
  const apart = light.map(value => Math.abs(value - paper));
  const most = exact ? 1 : apart.reduce((one, other) => Math.max(one, other), 0);
  return most < FAINT ? apart.fill(0) : apart.map(value => value / most);
}
