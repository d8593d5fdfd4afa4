import { Icon } from "./Icon.tsx"

export const Gone = () => (
  <div class="nothing">
    <Icon name="trash" />
    <p>This message is no longer here.</p>
  </div>
)
