// Without a script what is typed stays hidden. On the small keys of a phone fifteen characters are typed blind once too often.

for (const box of document.querySelectorAll("[data-shows]")) {
  const field = document.getElementById(box.dataset.shows);
  box.parentElement.hidden = false;
  box.addEventListener("change", () => { field.type = box.checked ? "text" : "password"; });
  field.form.addEventListener("submit", () => { field.type = "password"; }); // or the browser remembers it as a text
}
