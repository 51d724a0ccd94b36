// Hides a picture of a server, a script and a link in texts that are shown.
exports.attack = async ({ api, canary, call, name }) => {
  const evil = `<img src="${canary}/markup" onerror="globalThis.polluted=1"><script>globalThis.polluted=1</script> ![x](${canary}/markdown) [x](javascript:globalThis.polluted=1)`;
  const item = api.window.createStatusBarItem({
    id: `${name}.markup`,
    name: evil,
    alignment: 'left',
    priority: 0,
  });
  item.text = evil;
  item.tooltip = evil;
  await call('views.registerTree', {
    viewId: `${name}.tree`,
    rows: [{ parent: -1, item: { id: 'x', label: evil, description: evil, tooltip: evil } }],
  });
  await api.window.showMessage('info', evil);
  return undefined;
};
