// The Portkey gateway listens on every interface and has no option for it: here it gets the loopback address only.
const { Server } = require("node:net");
const listen = Server.prototype.listen;
Server.prototype.listen = function (first, ...rest) {
  const onLoopback =
    typeof first === "object" && first !== null && !Array.isArray(first) ? { ...first, host: "127.0.0.1" } : { port: Number(first), host: "127.0.0.1" };
  return listen.call(this, onLoopback, ...rest.filter((argument) => typeof argument === "function"));
};
