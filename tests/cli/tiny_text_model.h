// A tiny random model with a vocabulary of bytes and a chat template, so that run and chat are tested without any
// fetched file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "../support/plain_model.h"

namespace vivace::test {

inline constexpr const char* kTinyTemplate =
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant]"
    "{% endif %}";

/// SPM: <unk>, <s>, </s>, the 256 bytes, then the printable ASCII characters.
inline std::vector<std::string> tiny_vocabulary() {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  constexpr char kHex[] = "0123456789ABCDEF";
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(std::string("<0x") + kHex[byte >> 4] + kHex[byte & 15] + ">");
  for (char c = '!'; c <= '~'; ++c) tokens.push_back(std::string(1, c));
  tokens.push_back("\xE2\x96\x81");
  return tokens;
}

/// Writes the model; `chat_template`: "" leaves it out.
inline void write_tiny_text_model(const std::filesystem::path& path, const std::string& chat_template = kTinyTemplate) {
  const std::vector<std::string> tokens = tiny_vocabulary();
  PlainSpec spec;
  spec.vocabulary = static_cast<int32_t>(tokens.size());
  const PlainModel model = make_plain_model(spec);
  GgufWriter writer;
  writer.set_string("general.architecture", "llama");
  writer.set_string("general.name", "tiny text");
  const auto u32 = [&](const char* key, int32_t value) {
    writer.set_u32(std::string("llama.") + key, uint32_t(value));
  };
  u32("context_length", spec.context);
  u32("block_count", spec.layers);
  u32("embedding_length", spec.embedding);
  u32("feed_forward_length", spec.feed_forward);
  u32("attention.head_count", spec.heads);
  u32("attention.head_count_kv", spec.kv_heads);
  writer.set_f32("llama.attention.layer_norm_rms_epsilon", spec.epsilon);
  writer.set_f32("llama.rope.freq_base", spec.rope_base);
  writer.set_string("tokenizer.ggml.model", "llama");
  writer.set_strings("tokenizer.ggml.tokens", tokens);
  std::vector<float> scores(tokens.size(), -1);
  std::vector<int32_t> types(tokens.size(), 1);
  types[0] = 2;
  types[1] = types[2] = 3;
  for (size_t i = 3; i < 3 + 256; ++i) types[i] = 6;
  writer.set_array<float>("tokenizer.ggml.scores", scores);
  writer.set_array<int32_t>("tokenizer.ggml.token_type", types);
  writer.set_u32("tokenizer.ggml.bos_token_id", 1);
  writer.set_u32("tokenizer.ggml.eos_token_id", 2);
  if (!chat_template.empty()) writer.set_string("tokenizer.chat_template", chat_template);
  for (const auto& [name, tensor] : model.tensors) {
    std::vector<uint64_t> dims = {uint64_t(tensor.columns)};
    if (tensor.rows > 1) dims.push_back(uint64_t(tensor.rows));
    const auto* bytes = reinterpret_cast<const uint8_t*>(tensor.values.data());
    writer.add_tensor(name, dims, 0, std::span<const uint8_t>(bytes, tensor.values.size() * sizeof(float)));
  }
  writer.write(path);
}

}  // namespace vivace::test
