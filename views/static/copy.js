/** Owns the copy buttons: `<button data-copy="ID" data-script>` copies the text of the element with that id. */
const announce = document.getElementById('announce');

for (const button of document.querySelectorAll('button[data-copy]')) {
  const source = document.getElementById(button.dataset.copy);
  button.removeAttribute('data-script');
  button.addEventListener('click', async () => {
    const copied = await copy(source);
    button.dataset.state = copied ? 'copied' : 'failed';
    announce.textContent = copied ? 'Copied.' : 'Selected. Press Ctrl+C or Cmd+C to copy.';
    setTimeout(() => {
      delete button.dataset.state;
      announce.textContent = '';
    }, 2500);
  });
}

/** On plain http the clipboard is out of a script's reach: then the text is at least selected. */
async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand('copy');
  }
}
