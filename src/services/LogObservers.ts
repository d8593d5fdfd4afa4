import { Context, type Logger } from "effect"

/** Loggers beside the one that writes the log. They see every event, whatever LOG_LEVEL says; by default there are none. */
export const LogObservers = Context.Reference<ReadonlyArray<Logger.Logger<unknown, void>>>(
  "gateway/services/LogObservers",
  { defaultValue: () => [] }
)
