/** Owns the download buttons: `<button data-download="ID" data-file="NAME" data-script>` saves the text of the element with that id. */
const kept = 60_000;

for (const button of document.querySelectorAll('button[data-download]')) {
  button.removeAttribute('data-script');
  button.addEventListener('click', () =>
    save(document.getElementById(button.dataset.download).textContent, button.dataset.file),
  );
}

/** By an address that only this page knows: a data: address would leave what is in the file in the browser's list of downloads. */
function save(text, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/octet-stream' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), kept);
}
