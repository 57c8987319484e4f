// Paper to draw on: a canvas with ink on it, by pen, finger, mouse or keyboard.

const UNDONE = 40;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Make `canvas` paper of so many `cells`, each `cell` pixels wide.
 *
 * `erasing()` says which tool is in hand; `begin()` is called before a line, `changed()` after each
 * piece of it, `told(text)` with what the eye sees.
 */
export function makePaper(canvas, { cells, cell, colour, erasing, begin, changed, told }) {
  canvas.width = cells.width * cell;
  canvas.height = cells.height * cell;
  const size = { width: canvas.width, height: canvas.height };
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const cursor = canvas.parentElement.querySelector(".cursor");
  const kept = [];
  let last = null, down = false;
  let at = [cells.width >> 1, cells.height >> 1];
  cursor.style.width = `${100 / cells.width}%`;
  cursor.style.height = `${100 / cells.height}%`;

  function line(to) {
    context.globalCompositeOperation = erasing() ? "destination-out" : "source-over";
    context.strokeStyle = colour;
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = Math.max(cell * 1.2, Math.max(size.width, size.height) / 12)
      * (erasing() ? 2 : 1);
    context.beginPath();
    context.moveTo(...(last ?? to));
    context.lineTo(...to);
    context.stroke();
    last = to;
    changed();
  }

  const placeOf = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * size.width / box.width,
      (event.clientY - box.top) * size.height / box.height];
  };

  canvas.addEventListener("pointerdown", event => {
    if (event.button !== 0 || !event.isPrimary) return;
    canvas.setPointerCapture(event.pointerId);
    cursor.hidden = true;
    lift();
    begin();
    line(placeOf(event));
  });
  canvas.addEventListener("pointermove", event => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const one of all.length ? all : [event]) line(placeOf(one));
  });
  canvas.addEventListener("lostpointercapture", () => { last = null; });

  function lift() {
    down = false;
    last = null;
    cursor.classList.remove("down");
  }

  function tell() {
    cursor.hidden = false;
    cursor.style.left = `${100 * at[0] / cells.width}%`;
    cursor.style.top = `${100 * at[1] / cells.height}%`;
    cursor.classList.toggle("down", down);
    const tool = erasing() ? "Eraser" : "Pen";
    told(`${tool} ${down ? "down" : "up"}, column ${at[0] + 1}, row ${at[1] + 1}`);
  }

  const middle = () => at.map(one => (one + 0.5) * cell);

  canvas.addEventListener("keydown", event => {
    const arrow = ARROWS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) {
      const most = [cells.width - 1, cells.height - 1];
      at = at.map((one, axis) => Math.min(Math.max(one + arrow[axis], 0), most[axis]));
      if (down) line(middle());
    } else if (event.key === " ") {
      if (down) lift(); else { begin(); last = null; down = true; line(middle()); }
    } else return;
    event.preventDefault();
    tell();
  });
  canvas.addEventListener("blur", () => { lift(); cursor.hidden = true; });

  const clear = () => context.clearRect(0, 0, size.width, size.height);

  return {
    size,
    clear,
    /** How much ink is on each pixel. */
    ink() {
      const { data } = context.getImageData(0, 0, size.width, size.height);
      return Float32Array.from({ length: data.length / 4 }, (_, one) => data[4 * one + 3] / 255);
    },
    /** Put `ink` of a picture of so many pixels on it, `scale` times as large, in the middle. */
    put(ink, { width, height }, scale = 1) {
      const sheet = new OffscreenCanvas(width, height);
      const brush = sheet.getContext("2d");
      const pixels = brush.createImageData(width, height);
      const grey = colour === "#fff" ? 255 : 0;
      for (const [one, value] of ink.entries()) {
        pixels.data.set([grey, grey, grey, Math.round(255 * value)], 4 * one);
      }
      brush.putImageData(pixels, 0, 0);
      context.globalCompositeOperation = "source-over";
      context.imageSmoothingEnabled = false;
      const [wide, tall] = [width * scale, height * scale];
      context.drawImage(sheet, (size.width - wide) / 2, (size.height - tall) / 2, wide, tall);
    },
    /** Keep what is there for `undo`, with `more` about it. */
    keep(more) {
      kept.push([context.getImageData(0, 0, size.width, size.height), more]);
      if (kept.length > UNDONE) kept.shift();
    },
    /** Put back what was kept last; what was kept with it, or undefined where nothing is. */
    undo() {
      lift();
      const [image, more] = kept.pop() ?? [];
      if (image) context.putImageData(image, 0, 0);
      return more;
    },
    forget: () => { kept.length = 0; },
  };
}
