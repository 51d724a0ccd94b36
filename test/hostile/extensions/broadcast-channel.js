// Talks with another extension behind the workbench's back; runs twice under two names.
exports.attack = ({ name }) =>
  new Promise((resolve) => {
    const channel = new BroadcastChannel('x');
    channel.onmessage = ({ data }) => {
      if (data !== name) resolve(`heard ${data}`);
    };
    const timer = setInterval(() => channel.postMessage(name), 50);
    setTimeout(() => {
      clearInterval(timer);
      resolve(undefined);
    }, 2000);
  });
