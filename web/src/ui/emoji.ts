const of = (text: string): readonly string[] => text.split(' ');

/** Emoji to choose from, by what they are about. Any other can be typed. */
export const EMOJI = {
  faces: of(
    '😀 😃 😄 😁 😆 😅 🤣 😂 🙂 🙃 😉 😊 😇 🥰 😍 🤩 😘 😋 😛 😜 🤪 🤗 🤭 🤫 🤔 🤐 😐 😑 😶 😏 😒 🙄 😬 😌 😔 😪 😴 😷 🤒 🤕 🤢 🥵 🥶 😵 🤯 🥳 😎 🤓 🧐 😕 😟 🙁 😮 😲 😳 🥺 😨 😰 😥 😢 😭 😱 😖 😞 😓 😩 😫 🥱 😤 😡 🤬 😈 💀 🤡 👻 👽 🤖',
  ),
  people: of(
    '👍 👎 👌 🤌 ✌️ 🤞 🤟 🤙 👈 👉 👆 👇 ☝️ ✋ 👋 👏 🙌 🤝 🙏 💪 ✍️ 👀 🧠 🙋 🤷 🤦 🙇 💁 🧑‍💻 🧑‍🔧 🧑‍🏫 🧑‍🚀 🏃 💃 🕺 🧘',
  ),
  hearts: of('❤️ 🧡 💛 💚 💙 💜 🤎 🖤 🤍 💔 💕 💖 💯 💥 💫 ✨ ⭐ 🌟 🔥 🎉 🎊 🎈 🎁 🏆 🥇 🏅'),
  nature: of(
    '🌊 ☀️ 🌤️ ⛅ 🌧️ ⛈️ ❄️ 🌈 🌙 🌍 🌸 🌹 🌻 🌲 🌴 🍀 🍁 🐶 🐱 🐭 🐰 🦊 🐻 🐼 🐨 🦁 🐸 🐵 🐔 🐧 🐦 🦉 🐝 🦋 🐢 🐙 🐟 🐬 🐳 🦭',
  ),
  food: of(
    '🍎 🍌 🍇 🍓 🍒 🍑 🍍 🥑 🍅 🥕 🌽 🍞 🧀 🥚 🍳 🥐 🍔 🍟 🍕 🌮 🍜 🍣 🍱 🥟 🍦 🍰 🎂 🍪 🍫 🍿 ☕ 🍵 🍺 🍷 🥂 🧉',
  ),
  things: of(
    '⚽ 🏀 🎾 🚲 🚗 🚌 🚆 ✈️ 🚀 ⛵ ⚓ 🏠 🏢 🏖️ ⛰️ 🗺️ ⏰ ⌛ 📅 📌 📎 ✏️ 📖 💡 🔧 🔒 🔑 💻 📱 📷 🎥 🎵 🎮 💰 📈 📦 ✅ ❌ ❓ ❗ ⚠️ 🚫 ♻️ 🆗 🆕 🔔 👑',
  ),
} as const;

export type EmojiGroup = keyof typeof EMOJI;
