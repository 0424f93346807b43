// Draw the citation graph in layers: what rests on the root to the left, what it rests on to the right.
const view = JSON.parse(document.getElementById("graph-data").textContent);
const canvas = document.getElementById("canvas");
const clause = document.getElementById("clause");
const clauseAtStart = [...clause.childNodes];
const SVG = "http://www.w3.org/2000/svg";
const NEAREST = 60;
const BOX = { width: 200, height: 48, gap: 14, between: 130, margin: 16 };
const BULGE = 56;
const RELATIONS = ["引用", "依据", "实施", "废止", "替代"];
const STANDING = { 现行有效: "good", 尚未施行: "warn", 已废止: "bad", 历史版本: "bad", 效力待核: "mute" };

function make(name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

const shorten = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
const shortTitle = (title) => title.replace(/^中华人民共和国/, "");
const label = (node) => `《${node.title}》${node.article ?? ""}`;

function address(node) {
  const steps = `&up=${document.querySelector("[name=up]").value}&down=${document.querySelector("[name=down]").value}`;
  if (node.in_base && node.id.includes("#")) return `/kb/graph?passage_id=${encodeURIComponent(node.id)}${steps}`;
  const article = node.article ? `&article=${encodeURIComponent(node.article)}` : "";
  return `/kb/graph?title=${encodeURIComponent(node.title)}${article}${steps}`;
}

// Layers, and within each an order that keeps neighbours near each other (mean place of neighbours).
function arrange() {
  const nodes = new Map([view.root, ...view.nodes].map((node) => [node.id, { ...node }]));
  const edges = view.edges.filter((edge) => edge.source !== edge.target && nodes.has(edge.source) && nodes.has(edge.target));
  const layers = new Map();
  for (const node of nodes.values()) {
    if (!layers.has(node.hops)) layers.set(node.hops, []);
    layers.get(node.hops).push(node);
  }
  const hops = [...layers.keys()].sort((a, b) => a - b);
  for (const layer of layers.values()) layer.sort((a, b) => a.title.localeCompare(b.title, "zh") || a.id.localeCompare(b.id, "zh", { numeric: true }));
  const near = new Map([...nodes.keys()].map((id) => [id, []]));
  for (const { source, target } of edges) { near.get(source).push(target); near.get(target).push(source); }
  const place = () => { for (const layer of layers.values()) layer.forEach((node, i) => { node.row = i - (layer.length - 1) / 2; }); };
  place();
  for (let round = 0; round < 6; round += 1) {
    for (const hop of round % 2 ? [...hops].reverse() : hops) {
      const layer = layers.get(hop);
      for (const node of layer) {
        const rows = near.get(node.id).map((id) => nodes.get(id)).filter((n) => n.hops !== hop).map((n) => n.row);
        node.want = rows.length ? rows.reduce((a, b) => a + b, 0) / rows.length : node.row;
      }
      layer.sort((a, b) => a.want - b.want);
      place();
    }
  }
  const tallest = Math.max(...[...layers.values()].map((layer) => layer.length));
  const height = Math.max(tallest * (BOX.height + BOX.gap) + 2 * BOX.margin, 160);
  const aside = edges.some((edge) => nodes.get(edge.source).hops === nodes.get(edge.target).hops);
  const margin = BOX.margin + (aside ? BULGE : 0);
  // layers move closer, down to NEAREST, before anything has to be scrolled
  const room = (canvas.clientWidth - 2 * margin - hops.length * BOX.width) / Math.max(hops.length - 1, 1);
  const between = Math.max(NEAREST, Math.min(BOX.between, Math.floor(room)));
  const width = hops.length * BOX.width + (hops.length - 1) * between + 2 * margin;
  for (const node of nodes.values()) {
    node.x = margin + hops.indexOf(node.hops) * (BOX.width + between);
    node.y = height / 2 + node.row * (BOX.height + BOX.gap) - BOX.height / 2;
  }
  return { nodes, edges, width, height };
}

function curve(source, target) {
  const [ys, yt] = [source.y + BOX.height / 2, target.y + BOX.height / 2];
  if (source.x === target.x) { // side by side: around the outside, away from the root
    const out = source.hops < 0 ? -1 : 1;
    const x = source.x + (out > 0 ? BOX.width : 0);
    const far = x + out * Math.min(24 + Math.abs(yt - ys) / 5, BULGE + 16);
    return `M${x},${ys} C${far},${ys} ${far},${yt} ${x + out * 7},${yt}`;
  }
  const right = source.x < target.x;
  const xs = right ? source.x + BOX.width : source.x;
  const xt = right ? target.x - 7 : target.x + BOX.width + 7;
  const pull = (right ? 1 : -1) * Math.max(Math.abs(xt - xs) / 2, 40);
  return `M${xs},${ys} C${xs + pull},${ys} ${xt - pull},${yt} ${xt},${yt}`;
}

function draw() {
  const { nodes, edges, width, height } = arrange();
  const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${label(view.root)} 的引用关系` });
  const ends = make("defs");
  RELATIONS.forEach((relation, i) => {
    const marker = make("marker", { id: `end-${i + 1}`, viewBox: "0 0 8 8", refX: 1, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" });
    marker.append(make("path", { d: "M0,0 L8,4 L0,8 Z", class: `end-${i + 1}` }));
    ends.append(marker);
  });
  svg.append(ends);
  const lines = edges.map((edge) => {
    const kind = RELATIONS.indexOf(edge.relation) + 1;
    const path = make("path", { d: curve(nodes.get(edge.source), nodes.get(edge.target)), class: `edge edge-${kind}`, "marker-end": `url(#end-${kind})` });
    path.append(make("title", {}, `${label(nodes.get(edge.source))} ${edge.relation} ${label(nodes.get(edge.target))}${edge.words ? `：${edge.words}` : ""}`));
    svg.append(path);
    return { ...edge, path };
  });
  for (const node of nodes.values()) {
    const root = node.id === view.root.id;
    const link = make("a", { href: address(node), class: `node ${STANDING[node.status] ?? "mute"}${root ? " root" : ""}${node.in_base ? "" : " outside"}`, "aria-label": `${label(node)}，${node.in_base ? node.status : "未入库"}` });
    link.append(make("title", {}, `${label(node)}（${node.in_base ? node.status : "未入库"}）`));
    link.append(make("rect", { x: node.x, y: node.y, width: BOX.width, height: BOX.height, rx: 6 }));
    link.append(make("rect", { x: node.x, y: node.y, width: 5, height: BOX.height, rx: 2, class: "tone" }));
    link.append(make("text", { x: node.x + 15, y: node.y + 20, class: "law" }, shorten(shortTitle(node.title), 13)));
    link.append(make("text", { x: node.x + 15, y: node.y + 38, class: "article" }, `${node.article ?? "全文"}${node.in_base ? (node.status === "现行有效" ? "" : ` · ${node.status}`) : " · 未入库"}`));
    const light = (on) => {
      svg.classList.toggle("lit", on);
      for (const { source, target, path } of lines) path.classList.toggle("on", on && (source === node.id || target === node.id));
      show(on ? node : null);
    };
    for (const kind of ["mouseenter", "focus"]) link.addEventListener(kind, () => light(true));
    for (const kind of ["mouseleave", "blur"]) link.addEventListener(kind, () => light(false));
    svg.append(link);
  }
  canvas.replaceChildren(svg);
  const root = nodes.get(view.root.id);
  canvas.scrollTo(root.x + BOX.width / 2 - canvas.clientWidth / 2, root.y + BOX.height / 2 - canvas.clientHeight / 2);
}

function show(node) {
  if (!node || node.id === view.root.id) { clause.replaceChildren(...clauseAtStart); return; }
  const head = document.createElement("b");
  head.textContent = label(node);
  const text = document.createElement("p");
  text.textContent = node.text || (node.in_base ? "" : "库中没有它的原文。");
  clause.replaceChildren(head, text);
}

draw();
