/** Amazon SES. */
import { needless, tag, without } from "./rules.ts"
import type { FormerService } from "./Wish.ts"

export const ses: FormerService = {
  name: "Amazon SES",
  prefix: "x-ses-",
  headers: [
    {
      name: "X-SES-MESSAGE-TAGS",
      becomes: "a tag each, `name=value` as `name-value`",
      lost: "–",
      read: (value) => value.split(",").map((each) => tag(each.replace(/\s*=\s*/, "=")))
    },
    {
      name: "X-SES-CONFIGURATION-SET",
      becomes: "a tag",
      lost: "the set's event destinations, IP pool and tracking domain",
      read: (value) => [tag(value)]
    },
    without("X-SES-LIST-MANAGEMENT-OPTIONS", "the contact list: Cakemail's own unsubscribing holds"),
    without("X-SES-TENANT", "the tenant"),
    without("X-SES-TENANT-NAME", "the tenant"),
    needless("X-SES-SOURCE-ARN", "nothing: the sender is found by its address"),
    needless("X-SES-FROM-ARN", "nothing: the sender is found by its address"),
    needless("X-SES-RETURN-PATH-ARN", "nothing: Cakemail has its own return path")
  ]
}
