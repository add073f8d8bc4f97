// How a BPE vocabulary cuts text into words before merging: one row per `tokenizer.ggml.pre` name. The patterns are
// those of the models' published tokenizer.json, with case-insensitive groups spelled out in ASCII.
#include "text/tokenizer/pre_split.h"

#include <cstring>

#include "text/tokenizer/unicode.h"

namespace vivace {
namespace {

using namespace patterns;

#define VIVACE_SPACES "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define VIVACE_ASCII_PUNCTUATION "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]"

constexpr char kCjk[] = "[一-龥぀-ゟ゠-ヿ]+";
constexpr char kOldCjk[] = "[一-龥ࠀ-一가-퟿]+";
constexpr char kDeepseek3[] = VIVACE_ASCII_PUNCTUATION
    "[A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|" VIVACE_SPACES;
constexpr char kSpark[] = VIVACE_ASCII_PUNCTUATION
    "[A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+|[\\r\\n]|\\s+(?!\\S)|\\s+";
// clang-format off
constexpr char kDeepseekLetters[] =
    "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-"
    "Ἕἠ-"
    "ὅὈ-"
    "Ὅὐ-"
    "ὗὙὛὝὟ-\\x{1F7D}ᾀ-ᾴᾶ-"
    "ᾼ\\x{1FBE}ῂ-ῄῆ-ῌῐ-\\x{1FD3}ῖ-\\x{1FDB}ῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\\x{2126}ℨ\\x{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-"
    "ꚛꜢ-"
    "ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-"
    "ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";
// clang-format on
constexpr char kDeepseekPunctuation[] = "\\s?[!-/:-~！-／：-～‘-‟　-。]+";
constexpr char kYoutuScripts[] =
    "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+";
constexpr char kGpt4oSingleDigits[] =
    "[^\\r\\n\\p{L}\\p{N}]?" VIVACE_UPPERISH "*" VIVACE_LOWERISH "+" VIVACE_CONTRACTION
    "?|[^\\r\\n\\p{L}\\p{N}]?" VIVACE_UPPERISH "+" VIVACE_LOWERISH "*" VIVACE_CONTRACTION
    "?|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" VIVACE_SPACES;
// Classes without Han are written as complements: "cased letter or mark, and not Han" is "not (Han or anything else)".
constexpr char kKimi[] =
    "\\p{sc:Han}+|[^\\r\\n\\p{L}\\p{N}]?[^\\p{sc:Han}\\p{Ll}\\p{N}\\p{P}\\p{S}\\p{Z}\\p{C}]*"
    "[^\\p{sc:Han}\\p{Lu}\\p{Lt}\\p{N}\\p{P}\\p{S}\\p{Z}\\p{C}]+" VIVACE_CONTRACTION
    "?|[^\\r\\n\\p{L}\\p{N}]?[^\\p{sc:Han}\\p{Ll}\\p{N}\\p{P}\\p{S}\\p{Z}\\p{C}]+"
    "[^\\p{sc:Han}\\p{Lu}\\p{Lt}\\p{N}\\p{P}\\p{S}\\p{Z}\\p{C}]*" VIVACE_CONTRACTION
    "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" VIVACE_SPACES;
constexpr char kBloom[] = " ?[^(\\s|.,!?…。，、।۔،)]+";
constexpr char kBailing[] =
    "'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";
constexpr char kSeedCoder[] =
    VIVACE_CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|" VIVACE_SPACES;
// Published with nested stars; the same words, possessive, so that a long line costs no stack.
constexpr char kExaoneMoe[] = VIVACE_CONTRACTION
    "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}(?:[\\p{L}\\p{M}]++| \\p{L})*+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|"
    "\\s+(?!\\S)|\\s+";
// clang-format off
constexpr char kAfmoeScripts[] =
    "[一-鿿㐀-䶿豈-\\x{FAFF}぀-ゟ゠-ヿ･-ﾟ⼀-\\x{2FDF}เ-\\x{E7F}\\x{E80}-\\x{EFF}ក-\\x{17FF}က-႟ꩠ-"
    "ꩿꧠ-"
    "\\x{"
    "A9FF}"
    "가-"
    "\\x{D7AF}ᄀ-ᇿ]+";
// clang-format on

constexpr const char* kDefaultSteps[] = {"[\\p{P}\\$\\+<=>\\^~\\|]+", kGpt2, kDigitRun, "[0-9][0-9][0-9]", nullptr};
constexpr const char* kGpt2Steps[] = {kGpt2, nullptr};
constexpr const char* kStarcoderSteps[] = {kDigit, kGpt2, nullptr};
constexpr const char* kFalconSteps[] = {"[\\p{P}\\$\\+<=>\\^~\\|`]+", kGpt2, "[0-9][0-9][0-9]", nullptr};
constexpr const char* kLlama3Steps[] = {kLlama3, nullptr};
constexpr const char* kQwen2Steps[] = {kQwen2, nullptr};
constexpr const char* kQwen35Steps[] = {kQwen35, nullptr};
constexpr const char* kDeepseekLlmSteps[] = {
    "[\r\n]", kDeepseekLetters, kDeepseekPunctuation, kTrailingSpaces, kOldCjk, kDigitRun, nullptr};
constexpr const char* kDeepseekCoderSteps[] = {"[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", kOldCjk, kDigit, nullptr};
constexpr const char* kDeepseek3Steps[] = {kThreeDigits, kCjk, kDeepseek3, nullptr};
constexpr const char* kSparkSteps[] = {kThreeDigits, kCjk, kSpark, kDigit, nullptr};
constexpr const char* kYoutuSteps[] = {kYoutuScripts, kGpt4oSingleDigits, nullptr};
constexpr const char* kBloomSteps[] = {kBloom, nullptr};
constexpr const char* kVikingSteps[] = {kBloom, kDigit, nullptr};
constexpr const char* kTekkenSteps[] = {kTekken, nullptr};
constexpr const char* kGpt4oSteps[] = {kGpt4o, nullptr};
constexpr const char* kTinyAyaSteps[] = {kDigitsFromRightAlone, kGpt4o, nullptr};
constexpr const char* kChameleonSteps[] = {
    "<sentinel:[0-9]+>", "IMGIMG[A-I]{1,4}Z", "[\\t\\n]|    |  ", kDigit, "[\\p{P}!-/:-@\\[-`{-~]", kGpt2, nullptr};
constexpr const char* kKimiSteps[] = {kKimi, nullptr};
constexpr const char* kSuperBpeSteps[] = {kDigitRun, kCutDigitsFromRight, nullptr};
constexpr const char* kBailingSteps[] = {kBailing, nullptr};
constexpr const char* kSeedCoderSteps[] = {kSeedCoder, nullptr};
constexpr const char* kNoContractionsSteps[] = {kQwen2NoContractions, nullptr};
constexpr const char* kJais2Steps[] = {kJais2, nullptr};
constexpr const char* kExaoneMoeSteps[] = {kExaoneMoe, nullptr};
constexpr const char* kAfmoeSteps[] = {kDigitsFromRight, kAfmoeScripts, kDeepseek3, nullptr};
constexpr const char* kLagunaSteps[] = {kNewlines, kQwen2, nullptr};
constexpr const char* kLinesSteps[] = {kNewlines, nullptr};
constexpr const char* kMinicpm5Steps[] = {kThreeDigits, kLlama3AnyDigits, nullptr};

constexpr PreSplitRule kRules[] = {
    {"default", kDefaultSteps, 0},
    {"gpt-2", kGpt2Steps, 0},
    {"phi-2", kGpt2Steps, 0},
    {"jina-es", kGpt2Steps, 0},
    {"jina-de", kGpt2Steps, 0},
    {"jina-v1-en", kGpt2Steps, 0},
    {"jina-v2-es", kGpt2Steps, 0},
    {"jina-v2-de", kGpt2Steps, 0},
    {"jina-v2-code", kGpt2Steps, 0},
    {"roberta-bpe", kGpt2Steps, 0},
    {"gigachat", kGpt2Steps, 0},
    {"a.x-4.0", kGpt2Steps, 0},
    {"mellum", kGpt2Steps, 0},
    {"modern-bert", kGpt2Steps, 0},
    {"mpt", kGpt2Steps, 0},
    {"olmo", kGpt2Steps, 0},
    {"jais", kGpt2Steps, 0},
    {"trillion", kGpt2Steps, 0},
    {"granite-docling", kGpt2Steps, 0},
    {"exaone4", kGpt2Steps, 0},
    {"starcoder", kStarcoderSteps, 0},
    {"refact", kStarcoderSteps, 0},
    {"command-r", kStarcoderSteps, 0},
    {"smollm", kStarcoderSteps, 0},
    {"codeshell", kStarcoderSteps, 0},
    {"exaone", kStarcoderSteps, 0},
    {"minerva-7b", kStarcoderSteps, 0},
    {"mellum2", kStarcoderSteps, 0},
    {"falcon", kFalconSteps, 0},
    {"llama3", kLlama3Steps, PreSplitRule::kWholeWords | PreSplitRule::kAddBos},
    {"llama-v3", kLlama3Steps, PreSplitRule::kWholeWords | PreSplitRule::kAddBos},
    {"llama-bpe", kLlama3Steps, PreSplitRule::kWholeWords | PreSplitRule::kAddBos},
    {"falcon3", kLlama3Steps, PreSplitRule::kWholeWords | PreSplitRule::kAddBos},
    {"falcon-h1", kLlama3Steps, PreSplitRule::kWholeWords | PreSplitRule::kAddBos},
    {"pixtral", kLlama3Steps, PreSplitRule::kWholeWords | PreSplitRule::kAddBos},
    {"midm-2.0", kLlama3Steps, PreSplitRule::kWholeWords | PreSplitRule::kAddBos},
    {"lfm2", kLlama3Steps, PreSplitRule::kWholeWords | PreSplitRule::kAddBos},
    {"jina-v5-nano", kLlama3Steps, PreSplitRule::kWholeWords | PreSplitRule::kAddBos},
    {"dbrx", kLlama3Steps, 0},
    {"smaug-bpe", kLlama3Steps, 0},
    {"glm4", kLlama3Steps, 0},
    {"chatglm-bpe", kLlama3Steps, 0},
    {"qwen2", kQwen2Steps, 0},
    {"deepseek-r1-qwen", kQwen2Steps, 0},
    {"stablelm2", kQwen2Steps, 0},
    {"hunyuan", kQwen2Steps, 0},
    {"megrez", kQwen2Steps, 0},
    {"kormo", kQwen2Steps, 0},
    {"f2llmv2", kQwen2Steps, 0},
    {"grok-2", kQwen2Steps, 0},
    {"solar-open", kQwen2Steps, 0},
    {"qwen35", kQwen35Steps, 0},
    {"deepseek-llm", kDeepseekLlmSteps, 0},
    {"deepseek-coder", kDeepseekCoderSteps, 0},
    {"deepseek-v3", kDeepseek3Steps, 0},
    {"hunyuan-dense", kDeepseek3Steps, 0},
    {"joyai-llm", kDeepseek3Steps, 0},
    {"hy_v4", kDeepseek3Steps, 0},
    {"spark2_5", kSparkSteps, 0},
    {"youtu", kYoutuSteps, PreSplitRule::kWholeWords},
    {"poro-chat", kBloomSteps, 0},
    {"bloom", kBloomSteps, 0},
    {"gpt3-finnish", kBloomSteps, 0},
    {"viking", kVikingSteps, 0},
    {"tekken", kTekkenSteps, PreSplitRule::kWholeWords | PreSplitRule::kAddBos},
    {"gpt-4o", kGpt4oSteps, 0},
    {"llama4", kGpt4oSteps, 0},
    {"kanana2", kGpt4oSteps, 0},
    {"talkie", kGpt4oSteps, 0},
    {"minimax-m2", kGpt4oSteps, 0},
    {"granite-embed-multi-97m", kGpt4oSteps, PreSplitRule::kWholeWords},
    {"tiny_aya", kTinyAyaSteps, 0},
    {"cohere2moe", kTinyAyaSteps, 0},
    {"chameleon", kChameleonSteps, PreSplitRule::kAddBos},
    {"kimi-k2", kKimiSteps, 0},
    {"superbpe", kSuperBpeSteps, 0},
    {"bailingmoe", kBailingSteps, 0},
    {"bailingmoe2", kBailingSteps, 0},
    {"llada-moe", kBailingSteps, 0},
    {"seed-coder", kSeedCoderSteps, 0},
    {"ufakzeka", kNoContractionsSteps, 0},
    {"jais-2", kJais2Steps, 0},
    {"exaone-moe", kExaoneMoeSteps, 0},
    {"afmoe", kAfmoeSteps, 0},
    {"laguna", kLagunaSteps, 0},
    {"gemma4", kLinesSteps, PreSplitRule::kRaw | PreSplitRule::kAddBos},
    {"granite-embed-multi-311m", kLinesSteps, PreSplitRule::kRaw},
    {"sarvam-moe", kLinesSteps, PreSplitRule::kRaw},
    {"minicpm5", kMinicpm5Steps, PreSplitRule::kWholeWords},
};

}  // namespace

const PreSplitRule* find_pre_split(std::string_view name) {
  for (const PreSplitRule& rule : kRules) {
    if (rule.name == name) return &rule;
  }
  return nullptr;
}

const PreSplitRule& default_pre_split() { return kRules[0]; }

std::vector<const PreSplitRule*> all_pre_splits() {
  std::vector<const PreSplitRule*> rules;
  for (const PreSplitRule& rule : kRules) rules.push_back(&rule);
  return rules;
}

void split_by_regex(const Regex& regex, std::string_view text, Regex::Scratch& scratch, EmitPiece emit) {
  size_t done = 0;
  Regex::Match match;
  while (done < text.size() && regex.find(text, done, scratch, match)) {
    if (match.begin > done) emit(done, match.begin);
    if (match.end == match.begin) break;  // no pattern matches nothing; be sure to end all the same
    emit(match.begin, match.end);
    done = match.end;
  }
  if (done < text.size()) emit(done, text.size());
}

PreSplitter::PreSplitter(const PreSplitRule& rule) {
  for (const char* const* pattern = rule.patterns; *pattern != nullptr; ++pattern) {
    if (Scanner scanner = find_scanner(*pattern)) {
      steps_.emplace_back(scanner);
    } else {
      steps_.emplace_back(Regex(*pattern));
    }
  }
}

void PreSplitter::run(size_t step, std::string_view text, size_t offset, Regex::Scratch& scratch,
                      EmitPiece emit) const {
  if (step == steps_.size()) {
    emit(offset, offset + text.size());
    return;
  }
  const auto deeper = [&](size_t begin, size_t end) {
    run(step + 1, text.substr(begin, end - begin), offset + begin, scratch, emit);
  };
  if (const Scanner* scanner = std::get_if<Scanner>(&steps_[step])) {
    (*scanner)(text, deeper);
  } else {
    split_by_regex(std::get<Regex>(steps_[step]), text, scratch, deeper);
  }
}

void PreSplitter::split(std::string_view text, Regex::Scratch& scratch, EmitPiece emit) const {
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size()) {
      uint64_t eight;
      if (end + 8 <= text.size() && (std::memcpy(&eight, text.data() + end, 8), (eight & 0x8080808080808080ULL) == 0)) {
        end += 8;
        continue;
      }
      const size_t length = utf8_length(text, end);
      if (length == 0) break;
      end += length;
    }
    if (end > at) run(0, text.substr(at, end - at), at, scratch, emit);
    size_t broken = end;
    while (broken < text.size() && utf8_length(text, broken) == 0) ++broken;
    if (broken > end) emit(end, broken);
    at = broken;
  }
}

}  // namespace vivace
