// The pad of a model that takes pictures: what is drawn, or comes in a file, made into a request.

import { Exact } from "./exact.js";
import { makePaper } from "./paper.js";
import { brought, inked, inkIn, manner } from "./picture.js";

const SIDE = 320; // pixels, about, along the longer side of the paper

/** The pad in `place`, which writes pictures as the model's `example` does. */
export function openPad(place, example) {
  const $ = selector => place.querySelector(selector);
  const about = JSON.parse(place.dataset.picture);
  const cells = { width: about.width, height: about.height };
  const cell = Math.round(SIDE / Math.max(cells.width, cells.height));
  const how = manner(picturesIn(example).filter(fits).map(numbers), about);
  const light = how.ink > how.paper;
  const erasing = () => $("[name=tool][value=eraser]").checked;
  // A picture as somebody has written it, as long as nothing is drawn on it; and what was sent with it.
  let given = null, params;
  let frame = 0;
  const seen = $(".seen");
  Object.assign(seen, cells);
  $(".drawing").classList.toggle("light", light);
  const short = value => Number(value.toPrecision(3));
  $(".range").textContent = `, paper ${short(how.paper)}, ink ${short(how.ink)}`;
  $("[name=fit]").checked = how.fit !== null;
  $(".fit").hidden = how.fit === null;

  const paper = makePaper($(".ink"), {
    cells, cell, erasing, changed, told: tell,
    colour: light ? "#fff" : "#000",
    begin() {
      keep();
      if (given && !erasing()) paper.clear();
      given = null;
    },
  });
  const keep = () => paper.keep({ given });

  $("[name=fit]").addEventListener("change", changed);
  $(".clear").addEventListener("click", () => {
    keep();
    given = null;
    paper.clear();
    changed();
  });
  $(".undo").addEventListener("click", undo);
  place.addEventListener("keydown", event => {
    if (!(event.ctrlKey || event.metaKey) || event.key !== "z") return;
    event.preventDefault();
    undo();
  });
  $("[type=file]").addEventListener("change", event => {
    take(event.target.files[0]);
    event.target.value = "";
  });
  $(".sheet").addEventListener("dragover", event => event.preventDefault());
  $(".sheet").addEventListener("drop", event => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });

  function undo() {
    const kept = paper.undo();
    if (!kept) { tell("There is nothing to undo."); return; }
    ({ given } = kept);
    changed();
  }

  async function take(file) {
    if (!file) return;
    let picture;
    try {
      if (!/^image\/(png|jpeg)$/.test(file.type)) throw new Error(file.type);
      picture = await createImageBitmap(file);
    } catch {
      tell("This is no PNG or JPEG picture.");
      return;
    }
    keep();
    given = null;
    paper.clear();
    const scale = Math.min(paper.size.width / picture.width, paper.size.height / picture.height);
    const small = shrunk(picture, Math.min(scale, 1));
    const exact = picture.width === cells.width && picture.height === cells.height;
    paper.put(inkIn(small.data, small, exact), small, Math.max(scale, 1));
    tell("The picture is on the pad.");
    changed();
  }

  function drawn() {
    const ink = brought(paper.ink(), paper.size, cells, $("[name=fit]").checked ? how.fit : null);
    return ink.map(one => how.paper + one * (how.ink - how.paper));
  }

  /** What is on the paper has changed, by a hand: show it, and tell who listens. */
  function changed() {
    if (frame) return;
    frame = requestAnimationFrame(() => {
      const blank = !show();
      place.dispatchEvent(new CustomEvent("drawn", { bubbles: true, detail: { blank } }));
    });
  }

  /** What the model gets, as a picture; whether there is any ink in it. */
  function show() {
    cancelAnimationFrame(frame);
    frame = 0;
    const ink = (given ? numbers(given) : drawn()).map(one => inked(one, how.paper, how.ink));
    const brush = seen.getContext("2d");
    const pixels = brush.createImageData(cells.width, cells.height);
    for (const [at, one] of ink.entries()) {
      const grey = Math.round(255 * (light ? one : 1 - one));
      pixels.data.set([grey, grey, grey, 255], 4 * at);
    }
    brush.putImageData(pixels, 0, 0);
    return ink.some(one => one > 0);
  }

  function tell(text) { $(".state").textContent = text; }

  function picturesIn(request) {
    const held = request?.inputs ?? request?.instances;
    const list = about.name ? held?.[about.name] : held;
    return Array.isArray(list) ? list : [];
  }

  function fits(picture, axis = 0) {
    if (!Array.isArray(picture)) return axis === about.shape.length && picture instanceof Exact;
    return picture.length === about.shape[axis] && picture.every(one => fits(one, axis + 1));
  }

  /** Show the first picture of `request`. */
  function fill(request) {
    const pictures = picturesIn(request);
    const size = `${cells.width}\u00a0×\u00a0${cells.height}`;
    if (!pictures.length || !pictures.every(one => fits(one))) {
      return `This JSON is no picture of ${size} numbers, so it stays JSON.`;
    }
    if (pictures.length > 1) {
      return `There is one picture on the pad; this JSON has ${pictures.length}.`;
    }
    [given] = pictures;
    ({ params } = request);
    paper.clear();
    paper.forget();
    paper.put(numbers(given).map(one => inked(one, how.paper, how.ink)), cells, cell);
    show();
    return "";
  }

  return {
    fill,
    begin(request) {
      const { params: kept } = request ?? {};
      const first = picturesIn(request).slice(0, 1);
      if (!fill({ inputs: about.name ? { [about.name]: first } : first, params: kept })) return;
      given = null;
      paper.clear();
      paper.forget();
      show();
    },
    request() {
      const picture = given ?? nested(drawn().map(written), about.shape);
      const inputs = about.name ? { [about.name]: [picture] } : [picture];
      return params ? { inputs, params } : { inputs };
    },
    namedIn: () => [],
  };

  function written(value) {
    return new Exact(String(about.whole ? Math.round(value) : Number(value.toFixed(4))));
  }
}

const numbers = picture => picture.flat(Infinity).map(one => Number(one.source));

function nested(values, [length, ...inner]) {
  const size = values.length / length;
  return Array.from({ length }, (_, at) => {
    const part = values.slice(at * size, (at + 1) * size);
    return inner.length ? nested(part, inner) : part[0];
  });
}

/** The pixels of a picture, on white, `scale` times as large. */
function shrunk(picture, scale) {
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const brush = new OffscreenCanvas(width, height).getContext("2d");
  brush.fillStyle = "#fff";
  brush.fillRect(0, 0, width, height);
  brush.imageSmoothingQuality = "high";
  brush.drawImage(picture, 0, 0, width, height);
  return brush.getImageData(0, 0, width, height);
}
