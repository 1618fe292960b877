// A form of Frappe's desk, as far as its realtime client goes (versions 15 and 16): how it connects, what it sends when, and
// what it does not do (it subscribes to nothing anew after a reconnect). The document is that of the address, /app/TYPE/NAME.
"use strict";

const [, , doctype, docname] = location.pathname.split("/").map(decodeURIComponent);
const show = (id, text) => (document.getElementById(id).textContent = text);

const socket = io(`${window.location.origin}/${frappe.boot.sitename}`, {
  secure: window.location.protocol === "https:",
  withCredentials: true,
  reconnectionAttempts: 3,
});

let connects = 0;
socket.on("connect", () => {
  show("state", "connected");
  show("connects", (connects += 1));
  const { engine } = socket.io;
  show("transport", engine.transport.name);
  engine.once("upgrade", () => show("transport", engine.transport.name));
});
socket.on("disconnect", () => show("state", "disconnected"));
socket.on("connect_error", (error) => console.error("Error connecting to socket.io:", error.message));
socket.io.on("reconnect_failed", () => show("state", "given up"));

socket.on("doc_viewers", (data) => {
  if (data.doctype === doctype && data.docname === docname) show("viewers", data.users.join(" "));
});
socket.on("progress", (data) => {
  const percent = data.progress ? (data.progress[0] / data.progress[1]) * 100 : data.percent;
  document.getElementById("progress").value = percent;
  show("title", data.title);
});
socket.on("msgprint", (message) => show("message", message));
socket.on("doc_update", (data) => show("changed", data.name));

// form-load, form-refresh, form-unload.
if (docname) {
  socket.emit("doc_subscribe", doctype, docname);
  socket.emit("doc_open", doctype, docname);
}
document.getElementById("refresh").addEventListener("click", () => {
  show("viewers", "");
  socket.emit("doc_open", doctype, docname);
});
document.getElementById("close").addEventListener("click", () => socket.emit("doc_close", doctype, docname));
