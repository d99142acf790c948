// A bot on NLP.js behind its Direct Line connector, on this machine only. With "rich" it answers as an author would who
// knows the Bot Framework; without, NLP.js answers by itself.
const { dockStart } = require("@nlpjs/basic");
const { ExpressApiServer } = require("@nlpjs/express-api-server");
const { DirectlineConnector } = require("@nlpjs/directline-connector");

const [port, isRich] = [Number(process.argv[2]), process.argv[3] === "rich"];
const RICH = {
  menu: (answer) => {
    answer.text = "What can I do for you?";
    answer.suggestedActions = {
      actions: [
        { type: "imBack", title: "Track a parcel", value: "track my parcel" },
        { type: "postBack", title: "Opening hours", value: { show: "hours" } },
      ],
    };
  },
  card: (answer) => {
    answer.attachments = [
      {
        contentType: "application/vnd.microsoft.card.hero",
        content: {
          title: "Our shop",
          text: "In the harbour",
          images: [{ url: "https://files.example/shop.png" }],
          buttons: [{ type: "openUrl", title: "Route", value: "https://maps.example/shop" }],
        },
      },
    ];
  },
  human: (answer) => {
    answer.type = "event";
    answer.name = "handoff.initiate";
    answer.value = { va_LastTopic: "Escalate", va_AgentMessage: "Wants a person.", Order: "A-3301" };
  },
  bye: (answer) => {
    answer.type = "endOfConversation";
    answer.code = "completedSuccessfully";
  },
};

(async () => {
  const dock = await dockStart({ settings: { nlp: { forceNER: false, autoSave: false, languages: ["en"] } }, use: ["Basic"] });
  const container = dock.getContainer();
  const nlp = container.get("nlp");
  nlp.addDocument("en", "where is my parcel", "parcel");
  nlp.addDocument("en", "track my parcel", "parcel");
  nlp.addAnswer("en", "parcel", "Your parcel arrives tomorrow.");
  nlp.addDocument("en", "hello", "greet");
  nlp.addDocument("en", "good morning", "greet");
  nlp.addAnswer("en", "greet", "Good morning!");
  await nlp.train();

  const server = new ExpressApiServer({ port: -1 }, container);
  container.register("api-server", server, true);
  server.start();
  const connector = new DirectlineConnector({ log: false, container }, container);
  if (isRich) {
    connector.onHear = async (line, { activity }) => {
      const say = (change) => {
        const answer = line.createAnswer(activity);
        change(answer);
        line.say(answer);
      };
      if (activity.type === "event") return say((answer) => { answer.text = `Welcome, ${activity.from.name}!`; });
      if (activity.value) return say((answer) => { answer.text = `Chosen: ${JSON.stringify(activity.value)}`; });
      if (activity.text === "later") {
        say((answer) => { answer.text = "Let me look."; });
        setTimeout(() => say((answer) => { answer.text = "Found it."; }), 1000);
        return undefined;
      }
      const known = RICH[activity.text];
      if (activity.text === "human") say((answer) => { answer.text = "A colleague helps you."; });
      if (known) return say(known);
      const { answer: words } = await nlp.process("en", activity.text);
      return say((answer) => { answer.text = words || "Pardon?"; });
    };
  }
  connector.start();
  server.app.listen(port, "127.0.0.1");
})();
