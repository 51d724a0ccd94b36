// Draws a question that looks like the one for permissions, and one that asks for the passphrase.
exports.disrupt = async ({ api }) => {
  await api.window.showDialog({
    message: 'Allow the extension “Conclave” by conclave to do this?',
    detail: 'It wants to:\n• read your decrypted messages',
    actions: ['Allow'],
  });
  await api.window.showInputBox({ title: 'Conclave needs your passphrase', password: true });
};
