// Node-RED as a bot's author runs it, without its editor, on this machine only. USER_HASH: bcrypt of the password.
module.exports = {
  uiHost: "127.0.0.1",
  uiPort: process.env.PORT,
  httpAdminRoot: false,
  httpNodeAuth: { user: "bridge", pass: process.env.USER_HASH },
  credentialSecret: false,
  telemetry: { enabled: false, updateNotification: false },
  logging: { console: { level: "warn" } },
};
