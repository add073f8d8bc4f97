// Templates of our own: what Python's Jinja2 does, errors, and templates that mean harm.
#include "text/template/chat_template.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace vivace {
namespace {

const char* const kNow = "2025-07-04T09:08:07";

std::string render(const std::string& source, const char* extra = "{}", const TemplateLimits& limits = {}) {
  const Json messages = parse_json(R"([{"role":"user","content":"hi"},{"role":"assistant","content":null}])");
  return ChatTemplate(source, "<s>", "</s>", limits).render(messages, nullptr, true, parse_json(extra), kNow);
}

ErrorCode code_of(const std::string& source, std::string* what = nullptr) {
  try {
    render(source);
  } catch (const Error& e) {
    if (what != nullptr) *what = e.what();
    return e.code();
  }
  ADD_FAILURE() << "no error: " << source.substr(0, 100);
  return ErrorCode::kInternal;
}

std::string repeated(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(ChatTemplate, HasTheStandardVariables) {
  EXPECT_EQ(render("{{ bos_token }}{{ eos_token }}{{ tools }}{{ add_generation_prompt }}{{ messages[0].role }}"),
            "<s></s>NoneTrueuser");
  EXPECT_EQ(render("{{ tools is none }}{{ documents is none }}{{ x }}", R"({"x":3,"tools":[]})"), "FalseTrue3");
}

TEST(ChatTemplate, PrintsValuesAsPythonDoes) {
  const char* extra = R"({"v":[1,2.0,true,null,"it's",{"k":"\n"}],"f":1e20,"g":1e-7})";
  EXPECT_EQ(render("{{ v }}|{{ f }}|{{ g }}|{{ (1,) }}|{{ missing }}", extra),
            "[1, 2.0, True, None, \"it's\", {'k': '\\n'}]|1e+20|1e-07|(1,)|");
  EXPECT_EQ(render("{{ 7 // 2 }} {{ -7 % 3 }} {{ 4 / 2 }} {{ 'a' ~ 1 ~ true }} {{ [3,1,2][::-1] }} {{ 'abc'[-2:] }}"),
            "3 2 2.0 a1True [2, 1, 3] bc");
}

TEST(ChatTemplate, WritesJsonAsPythonDoes) {
  const char* extra = R"({"v":{"b":[1,{}],"a":"ü<'\"","items":1.0}})";
  EXPECT_EQ(render("{{ v|tojson }}", extra), R"({"b": [1, {}], "a": "ü<'\"", "items": 1.0})");
  EXPECT_EQ(render("{{ v|tojson(sort_keys=true, separators=(',', ':'), ensure_ascii=true) }}", extra),
            R"({"a":"\u00fc<'\"","b":[1,{}],"items":1.0})");
  EXPECT_EQ(render("{{ v.b|tojson(indent=2) }}", extra), "[\n  1,\n  {}\n]");
}

TEST(ChatTemplate, KnowsPythonsMethods) {
  EXPECT_EQ(render("{{ ' a b '.strip() }}|{{ 'a,b,c'.rsplit(',', 1) }}|{{ 'xxa'.lstrip('x') }}|{{ 'ab'.title() }}"),
            "a b|['a,b', 'c']|a|Ab");
  EXPECT_EQ(render("{{ d.items()|list }}{{ d['items'] }}{{ d.get('no', 2) }}", R"({"d":{"items":1}})"),
            "[('items', 1)]12");
  EXPECT_EQ(render("{% generation %}g{% endgeneration %}{{ strftime_now('%d %B %Y, %A') }}"), "g04 July 2025, Friday");
}

TEST(ChatTemplate, TreatsWhiteSpaceAsTransformersDoes) {
  EXPECT_EQ(render("a\n  {% if true %}\n  b\r\n  {% endif %}\nc\n\n"), "a\n  b\nc\n");
}

TEST(ChatTemplate, GivesTheTemplatesOwnMessage) {
  std::string what;
  EXPECT_EQ(code_of("{{ raise_exception('Roles must alternate: ' ~ messages[0].role) }}", &what),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(what, "Roles must alternate: user");
  EXPECT_EQ(code_of("{% macro m() %}{{ raise_exception('inside') }}{% endmacro %}{{ m() }}", &what),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(what, "inside");
}

TEST(ChatTemplate, NamesTheLineOfAnError) {
  std::string what;
  EXPECT_EQ(code_of("a\nb\n{% if %}", &what), ErrorCode::kInvalidFile);
  EXPECT_NE(what.find("line 3"), std::string::npos) << what;
  EXPECT_EQ(code_of("\n{{ messages[1].content + 'x' }}", &what), ErrorCode::kInvalidArgument);
  EXPECT_NE(what.find("line 2"), std::string::npos) << what;
  EXPECT_EQ(code_of("{{ a.b }}"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of("{{ 1|nonsense }}"), ErrorCode::kInvalidFile);
}

TEST(ChatTemplate, RefusesTextThatIsNotUtf8AndTimesThatAreNone) {
  EXPECT_EQ(code_of("\xff\xfe"), ErrorCode::kInvalidFile);
  const ChatTemplate chat("x", "\xff", "");
  EXPECT_EQ(chat.render(Json::array(), nullptr, false, nullptr, kNow), "x");
  EXPECT_THROW(chat.render(Json::array(), nullptr, false, nullptr, "yesterday"), Error);
  EXPECT_THROW(chat.render(Json::array(), nullptr, false, Json::array(), kNow), Error);
  EXPECT_EQ(chat.render(Json::array(), nullptr, false, nullptr), "x");
}

TEST(ChatTemplate, EndsWhatNeverEnds) {
  for (const std::string& source : std::vector<std::string>{
           "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
           "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
           "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
           "{{ 'a' * 10**9 }}",
           "{{ 'a'.ljust(10**12) }}",
           "{% set x = 'a' * 1000000 %}{% for i in range(1000) %}{{ x }}{% endfor %}",
           "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
           "{% set ns = namespace(x=[1]) %}{% for i in range(1000) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}",
           "{% set ns = namespace(x=1) %}{% for i in range(1000) %}{% set ns.x = [ns.x] %}{% endfor %}",
           "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns ~ '' }}",
           "{% set ns = namespace() %}{%\fset ns.x = {'a': (1, ns)} %}{{ ns ~ '' }}",
           "{{ ([['a' * 100000] * 1000] * 10000)|tojson }}",
           "{{ ([['a' * 100000] * 1000] * 10000)|string }}",
       }) {
    EXPECT_EQ(code_of(source), ErrorCode::kInvalidArgument) << source;
  }
}

TEST(ChatTemplate, SurvivesDeepSources) {
  constexpr int kDeep = 30000;
  for (const std::string& source : std::vector<std::string>{
           "{{ " + repeated("(", kDeep) + "1" + repeated(")", kDeep) + " }}",
           "{{ " + repeated("[", kDeep) + repeated("]", kDeep) + " }}",
           repeated("{% if 1 %}", 5000) + repeated("{% endif %}", 5000),
           repeated("{{", kDeep),
           repeated("{%", kDeep),
           "{{ x" + repeated(".a", kDeep) + " }}",
           "{{ " + repeated("(", 100'000) + repeated(")", 100'000) + " }}",
       }) {
    EXPECT_THROW(render(source), Error) << source.substr(0, 20);
  }
  EXPECT_EQ(render("{{ 0" + repeated("+1", kDeep) + " }}"), std::to_string(kDeep));
  EXPECT_EQ(render("{{ 'a'" + repeated("|e", kDeep) + " }}"), "a");
  EXPECT_EQ(render("{{ (([1]" + repeated("|batch(1)|list", 5000) + ") ~ '')|length }}").size(), 5u);
}

TEST(ChatTemplate, IsNotRenderedAgainAfterItHadToBeLeftBehind) {
  TemplateLimits limits;
  limits.memory_bytes = 8u << 20;
  limits.milliseconds = 5000;
  const ChatTemplate chat("{{ (([[1] * 1000] * 10000) ~ 'a')|length }}", "", "", limits);
  std::string first, second;
  try {
    chat.render(Json::array(), nullptr, false, nullptr);
  } catch (const Error& e) {
    first = e.what();
  }
  try {
    chat.render(Json::array(), nullptr, false, nullptr);
  } catch (const Error& e) {
    second = e.what();
  }
  EXPECT_NE(first.find("too much memory"), std::string::npos) << first;
  EXPECT_NE(second.find("stopped before"), std::string::npos) << second;
}

TEST(ChatTemplate, RendersFromSeveralThreads) {
  const ChatTemplate chat("{% for m in messages %}{{ m.role }}{% endfor %}", "", "");
  const Json messages = parse_json(R"([{"role":"a"},{"role":"b"}])");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j) EXPECT_EQ(chat.render(messages, nullptr, false, nullptr, kNow), "ab");
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace vivace
