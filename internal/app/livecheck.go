package app

// LiveCheck is the rule that the live APIs would take what is planned. It is enforced like the others, but judged where
// they can be asked.
const LiveCheck = "live-check"
