// Chat templates (Jinja2 as transformers runs it), written in Rust. Nothing is thrown; any thread may call.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vivace_text_kind {
  VIVACE_TEXT_OK = 0,
  VIVACE_TEXT_SYNTAX = 1,     // the template is no template: grammar, unknown filter or test, not UTF-8
  VIVACE_TEXT_RAISE = 2,      // the template called raise_exception; the text is its message
  VIVACE_TEXT_TYPE = 3,       // an operation on values that do not allow it
  VIVACE_TEXT_LIMIT = 4,      // too much work, depth or output
  VIVACE_TEXT_ARGUMENT = 5,   // the caller's fault: the context is no JSON object, the time no time
  VIVACE_TEXT_INTERNAL = 6,   // a bug of the library
  VIVACE_TEXT_ABANDONED = 7,  // too much time or memory where no error could be raised: a thread, perhaps with much
                              // memory, is left behind. The template is not to be rendered again
  VIVACE_TEXT_MEMORY = 8      // the system has no more memory; a thread may be left behind
};

struct vivace_text_limits {
  uint64_t fuel;          // work: one unit is one instruction, or 64 bytes of text made
  uint64_t output_bytes;  // of the rendered text
  uint64_t milliseconds;  // wall clock
  uint64_t memory_bytes;  // taken at one time
  uint32_t recursion;     // nested macros, loops and blocks; at most 500
};

struct vivace_text_bytes {
  const uint8_t* data;
  size_t size;
};

struct vivace_text_result {
  int32_t kind;   // a vivace_text_kind
  uint32_t line;  // of an error, 1-based; 0: unknown
  uint8_t* data;  // UTF-8: the rendered text, or what went wrong
  size_t size;
};

// Renders `template_text` (UTF-8) with the members of `context` (UTF-8, a JSON object) as its variables. `now` is the
// time for strftime_now as 2025-07-04T09:08:07; a null pointer means the present time in UTC. The result belongs to the
// caller, who gives it to vivace_text_result_free.
struct vivace_text_result vivace_text_render(struct vivace_text_bytes template_text, struct vivace_text_bytes context,
                                             struct vivace_text_bytes now, const struct vivace_text_limits* limits);

void vivace_text_result_free(struct vivace_text_result* result);

// ---- answers that keep to a grammar (llguidance) ----

struct vivace_vocabulary;
struct vivace_grammar;

// Makes a model's tokens ready, once for all grammars: the bytes of each of `count` tokens, control tokens with a byte
// 0xFF before their text; `ends` are tokens that end an answer, at least one. The results' text is what went wrong.
struct vivace_text_result vivace_vocabulary_new(const struct vivace_text_bytes* words, size_t count,
                                                const uint32_t* ends, size_t end_count,
                                                struct vivace_vocabulary** vocabulary);
void vivace_vocabulary_free(struct vivace_vocabulary* vocabulary);

// `kind`: json_schema, json_object, lark or regex. The vocabulary must outlive the grammar.
struct vivace_text_result vivace_grammar_new(const struct vivace_vocabulary* vocabulary, struct vivace_text_bytes kind,
                                             struct vivace_text_bytes text, struct vivace_grammar** grammar);
// Writes a bit for each token that may come next, the lowest first; `count` words of 32.
struct vivace_text_result vivace_grammar_mask(struct vivace_grammar* grammar, uint32_t* words, size_t count);
// Takes a token where it may come next; else `taken` is false, and nothing has changed.
struct vivace_text_result vivace_grammar_take(struct vivace_grammar* grammar, uint32_t token, bool* taken);
void vivace_grammar_free(struct vivace_grammar* grammar);

#ifdef __cplusplus
}
#endif
