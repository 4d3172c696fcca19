(() => {
  // Tables sort by a click on a heading, figures open at full size. Nothing here loads or sends anything.
  const say = document.body.dataset;
  const marks = JSON.parse(say.numbers);

  const toNumber = (text) => {
    const plain = text.replaceAll(marks.thousands, "").replaceAll(marks.decimal, ".").replaceAll("\u2212", "-");
    const found = plain.match(/[-+]?\d+(\.\d+)?/);
    if (!found) return null;
    const unit = plain.slice(found.index + found[0].length).trim().split(/\s/)[0];
    return Number(found[0]) * (Object.hasOwn(marks.units, unit) ? marks.units[unit] : 1);
  };

  const compare = (one, other, numeric) => {
    if (!numeric) return one.localeCompare(other, document.documentElement.lang, { numeric: true });
    const [a, b] = [toNumber(one), toNumber(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return a - b;
  };

  const sort = (table, column, heading) => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    const numeric = heading.classList.contains("num");
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const fixed = rows.filter((row) => row.classList.contains("cj-total"));
    const others = rows.filter((row) => !row.classList.contains("cj-total"));
    const missing = (row) => numeric && toNumber(row.cells[column].textContent) === null;
    others.sort((one, other) => {
      const order = compare(one.cells[column].textContent, other.cells[column].textContent, numeric);
      return missing(one) || missing(other) || !down ? order : -order;
    });
    table.querySelectorAll("thead th").forEach((th) => th.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...fixed, ...others);
  };

  document.querySelectorAll("table.cj-table:not(.parameters)").forEach((table) => {
    if (!table.tHead || table.tBodies.length !== 1 || table.tBodies[0].rows.length < 3) return;
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = say.sort;
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(table, column, heading));
      heading.append(button);
    });
  });

  const enlarge = (image) => {
    const dialog = document.createElement("dialog");
    const close = document.createElement("button");
    const frame = document.createElement("div");
    const large = image.cloneNode();
    dialog.className = "large";
    dialog.setAttribute("aria-label", say.enlarged);
    frame.className = "frame";
    frame.tabIndex = 0;
    close.type = "button";
    close.textContent = say.close;
    large.removeAttribute("width");
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    frame.append(large);
    dialog.append(close, frame);
    document.body.append(dialog);
    dialog.showModal();
  };

  document.querySelectorAll(".cj-figure").forEach((figure) => {
    const image = figure.querySelector("img");
    if (!image) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.textContent = say.enlarge;
    button.addEventListener("click", () => enlarge(image));
    figure.append(button);
  });
})();
