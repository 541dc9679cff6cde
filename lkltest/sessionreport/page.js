/* Show only the rows whose name has the text, and only what did not pass where that is asked for. */
const search = document.getElementById("filter"), bad = document.getElementById("bad");
function show() {
  const wanted = search.value.toLowerCase();
  for (const body of document.querySelectorAll("#points tbody")) {
    let shown = 0;
    for (const row of body.querySelectorAll("tr:not(.file)")) {
      const name = row.querySelector("summary, span").textContent.toLowerCase();
      row.hidden = !name.includes(wanted) || (bad.checked && !row.classList.contains("other"));
      shown += !row.hidden;
    }
    body.hidden = !shown;
  }
}
search.addEventListener("input", show);
bad.addEventListener("change", show);
