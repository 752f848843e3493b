/** Owns the second look at a moment: the server writes it in UTC, this rewrites it in the reader's own time zone. */
const formats = {
  day: { dateStyle: 'medium' },
  minute: { dateStyle: 'medium', timeStyle: 'short' },
};

for (const time of document.querySelectorAll('time[data-format]')) {
  const format = new Intl.DateTimeFormat(undefined, formats[time.dataset.format]);
  time.title = time.textContent;
  time.textContent = format.format(new Date(time.dateTime));
}
