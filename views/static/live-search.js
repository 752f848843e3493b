/** Owns search as you type: `<form data-live="ID">` fetches its own page and replaces the element with that id. */
const delay = 150;

for (const form of document.querySelectorAll('form[data-live]')) {
  const announce = document.getElementById('announce');
  let timer;
  let running;

  const search = async () => {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const given = [...new FormData(form)].filter(([, value]) => value !== '');
    const url = `${form.action}${given.length > 0 ? `?${new URLSearchParams(given)}` : ''}`;
    try {
      const response = await fetch(url, { signal, headers: { accept: 'text/html' } });
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      const results = page.getElementById(form.dataset.live);
      // Signed out in the meantime, or an error: the page itself says it best.
      if (results === null) return location.assign(url);
      document.getElementById(form.dataset.live).replaceWith(results);
      history.replaceState(null, '', url);
      announce.textContent = results.dataset.summary;
      document.dispatchEvent(new CustomEvent('replaced', { detail: results }));
    } catch (error) {
      if (error.name !== 'AbortError') form.requestSubmit();
    }
  };

  form.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(search, delay);
  });
  form.addEventListener('submit', () => {
    clearTimeout(timer);
    running?.abort();
  });
}
