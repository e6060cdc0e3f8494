"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const narrow = matchMedia("(max-width: 720px)");
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // Colours are named in the figures and valued in the style sheet, so that both schemes share one set of figures.
  const valued = (tree, style) => {
    if (typeof tree === "string") {
      const name = /^var\((--[\w-]+)\)$/.exec(tree);
      return name ? style.getPropertyValue(name[1]).trim() : tree;
    }
    if (Array.isArray(tree)) return tree.map((leaf) => valued(leaf, style));
    if (tree && typeof tree === "object") {
      return Object.fromEntries(Object.entries(tree).map(([key, leaf]) => [key, valued(leaf, style)]));
    }
    return tree;
  };

  const draw = (place) => {
    const figure = valued(figures[place.dataset.plot], getComputedStyle(root));
    // On a phone a finger that drags is scrolling the page, not zooming the plot.
    const layout = narrow.matches ? { ...figure.layout, dragmode: false } : figure.layout;
    const config = { responsive: true, displayModeBar: false, displaylogo: false, scrollZoom: false };
    return Plotly.react(place, figure.data, layout, config).then(() => place.setAttribute("data-drawn", ""));
  };

  const places = [...document.querySelectorAll("[data-plot]")];
  const drawAll = async () => {
    for (const place of places) {
      await draw(place);
      await new Promise((next) => setTimeout(next));
    }
    root.setAttribute("data-ready", "");
  };

  dark.addEventListener("change", drawAll);
  addEventListener("beforeprint", () => places.forEach((place) => Plotly.Plots.resize(place)));
  drawAll();
})();
