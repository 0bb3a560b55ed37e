// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Single messages: the sheet's answer, the hazards of its 2.5 and the datagrams of its 2.6.
#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "answer_parser.hpp"
#include "repair.hpp"
#include "support/catch.hpp"
#include "text_value.hpp"
#include "vectors.hpp"

using namespace mesura::ct6;
using mesura::ct6::test::kAnswer;
using mesura::ct6::test::kPayload;
using mesura::ct6::test::with;
using Settings = AnswerParser::Settings;

namespace {

Settings udp() {
  Settings s;
  s.product_required = true;
  return s;
}
Settings http() {
  Settings s;
  s.repair = true;
  return s;
}

struct Parsed {
  Outcome outcome = Outcome::rejected;
  Answer answer;
  Problems problems;
  bool fitted = false;

  [[nodiscard]] std::vector<std::string> codes() const {
    std::vector<std::string> all;
    for (const Problem& p : problems) all.emplace_back(p.code);
    return all;
  }
  [[nodiscard]] std::size_t values() const {
    std::size_t n = 0;
    for (std::size_t i = 0; i < answer.port_count; ++i)
      for (std::size_t k = 0; k < kPortNumbers; ++k) n += answer.ports[i].have >> k & 1U;
    return n;
  }
};

/// A parser that keeps its state from one message to the next.
class Reader {
 public:
  explicit Reader(Settings settings = udp()) : parser_(settings) {}
  Parsed read(std::string_view text) {
    Parsed p;
    // In a heap block of its own size: a byte read behind it is one too many.
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    p.outcome = parser_.parse(bytes, p.answer, p.problems);
    p.fitted = parser_.fitted();
    return p;
  }

 private:
  AnswerParser parser_;
};

Parsed read(std::string_view text, Settings settings = udp()) {
  Reader reader(settings);
  Parsed p = reader.read(text);
  for (auto& t : p.answer.texts) t = {};  // they went with the reader
  for (auto& port : p.answer.ports) port.texts = {};
  return p;
}

using Codes = std::vector<std::string>;

/// Everything that an answer says, as text.
std::string dump(const Parsed& p) {
  std::string out = std::to_string(static_cast<int>(p.outcome)) + ' ' + std::to_string(p.answer.time_sent);
  const auto add = [&](double v) {
    char text[40];
    std::snprintf(text, sizeof text, " %.17g", v);
    out += text;
  };
  for (std::size_t i = 0; i < kUnitNumbers; ++i)
    if ((p.answer.have >> i & 1U) != 0) add(p.answer.values[i]);
  for (const auto t : p.answer.texts) out += '|' + std::string{t};
  std::vector<const Port*> ports;
  for (std::size_t i = 0; i < p.answer.port_count; ++i) ports.push_back(&p.answer.ports[i]);
  for (const Port* port : ports) {
    out += "\nCT" + std::to_string(port->number) + ' ' + std::to_string(port->seen);
    for (std::size_t i = 0; i < kPortNumbers; ++i)
      if ((port->have >> i & 1U) != 0) add(port->values[i]);
    for (const auto t : port->texts) out += '|' + std::string{t};
  }
  for (const Problem& problem : p.problems)
    out += '\n' + std::string{problem.code} + ' ' + problem.message + ' ' + std::to_string(problem.offset);
  return out;
}

}  // namespace

TEST_CASE("the sheet's answer, value by value") {
  Reader reader;
  const Parsed p = reader.read(kAnswer);
  REQUIRE(p.outcome == Outcome::answer);
  CHECK(p.codes() == Codes{});
  CHECK(p.answer.port_mask == 0x3F);
  REQUIRE(p.answer.port_count == 6);
  const double ct1[] = {-1843.27, -461.967, 1900.278, -0.97, 7.84215, 11.09037, 242.316, 50.01, 31.0};
  const double ct5[] = {-3640.918, -700.3054, 3707.656, -0.982, 15.30837, 21.64909, 242.198, 50.01, 30.6};
  for (std::size_t i = 0; i < kPortNumbers; ++i) {
    CHECK(p.answer.ports[0].values[i] == ct1[i]);
    CHECK(p.answer.ports[4].values[i] == ct5[i]);
  }
  CHECK(p.answer.ports[1].texts[index(PortText::name)] == "\"Solar\"");
  CHECK(p.answer.ports[3].texts[index(PortText::name)] == "\"\"");
  CHECK(p.answer[UnitNumber::rssi] == -51.4);
  CHECK(p.answer[UnitNumber::board_temperature] == 24.81);
  CHECK(p.answer[UnitNumber::read_time] == 29564.67);
  CHECK(p.answer[UnitNumber::active] == 1);
  CHECK(p.answer[UnitNumber::pf_threshold] == 5);
  CHECK(p.answer[UnitText::assy] == "\"ASY0398_V003.300_SN00001846\"");
  CHECK(p.answer[UnitText::group_name] == "\"\"");
  CHECK(p.answer[UnitText::service_list] == "\"WEB:80\"");
  CHECK(p.answer.time_sent == 1'781'441'101);
}

TEST_CASE("a known layout gives what a walk gives") {
  Reader reader;
  Settings walk = udp();
  walk.layouts = false;
  Reader walker(walk);
  CHECK_FALSE(reader.read(kAnswer).fitted);
  const Parsed second = reader.read(kAnswer);
  CHECK(second.fitted);
  CHECK(dump(second) == dump(walker.read(kAnswer)));
  // Values of other lengths, texts that became numbers, a flag.
  std::string other = with(kAnswer, "-1843.27", "0.00032");
  other = with(other, R"("NAME": "Solar")", R"("NAME": 1.0)");
  other = with(other, R"("NAME": "House")", "\"NAME\": \"K\xC3\xBC\x63he \xE2\x82\xAC\"");
  other = with(other, R"("ACTIVE": 1.0)", R"("ACTIVE": true)");
  other = with(other, R"("RSSI": -51.4)", R"("RSSI": -51)");
  other = with(other, "2210.54", "2.21054e+03");
  other = with(other, "221.8869", "221.88690000000000001");
  other = with(other, "9.168393", "9e-05");
  const Parsed fast = reader.read(other);
  CHECK(fast.fitted);
  CHECK(dump(fast) == dump(walker.read(other)));
}

TEST_CASE("what a known layout does not fit is walked") {
  Reader reader;
  Settings walk = udp();
  walk.layouts = false;
  reader.read(kAnswer);
  for (const auto& [from, to] : std::vector<std::pair<const char*, const char*>>{{"-1843.27", "nan"},
                                                                                 {"-1843.27", "-inf"},
                                                                                 {"-1843.27", "007"},
                                                                                 {"-1843.27", "1."},
                                                                                 {"-1843.27", "-"},
                                                                                 {"-1843.27", "\"1843\""},
                                                                                 {"\"Grid\"", "\"Gr\\u00efd\""},
                                                                                 {"\"Grid\"", "\"Gr\\\"id\""},
                                                                                 {"\"Grid\"", "\"Gr\xFFid\""},
                                                                                 {"\"Grid\"", "\"Gr\nid\""},
                                                                                 {"\"Grid\"", "\"Gr\xED\xA0\x80id\""},
                                                                                 {"\"Grid\"", "[]"},
                                                                                 {", \"IRMS\": 7", ",\"IRMS\": 7"},
                                                                                 {"1781441101]", "1781441101, 5]"},
                                                                                 {"1781441101]", "1e300]"},
                                                                                 {"1781441101]}", "1781441101]} x"}}) {
    INFO(from << " -> " << to);
    const std::string text = with(kAnswer, from, to);
    Reader walker(walk);
    const Parsed p = reader.read(text);
    CHECK_FALSE(p.fitted);
    CHECK(dump(p) == dump(walker.read(text)));
    CHECK(reader.read(kAnswer).fitted);
  }
}

TEST_CASE("keys in any order") {
  // Firmwares order their dictionaries as their hash tables do.
  const std::size_t ct1 = kAnswer.find("\"CT1\""), ct2 = kAnswer.find("\"CT2\""), read_time = kAnswer.find("\"READ_");
  const std::string_view port = kAnswer.substr(ct1, ct2 - ct1);
  const std::string moved = std::string{"{"} + std::string{kAnswer.substr(read_time, kAnswer.size() - 1 - read_time)} +
                            ", " + std::string{kAnswer.substr(ct2, read_time - ct2)} + std::string{port} +
                            std::string{kAnswer.substr(1, ct1 - 3)} + "}";
  Reader reader;
  reader.read(kAnswer);
  const Parsed p = reader.read(moved);
  CHECK(p.outcome == Outcome::answer);
  CHECK(p.codes() == Codes{});
  CHECK(p.answer.port_mask == 0x3F);
  REQUIRE(p.answer.port_count == 6);
  CHECK(p.answer.ports[5].number == 1);
  CHECK(p.answer.ports[5][PortNumber::prms] == -1843.27);
  // Both layouts are known now.
  CHECK(reader.read(moved).fitted);
  CHECK(reader.read(kAnswer).fitted);
}

TEST_CASE("any number of ports up to the stack's 24") {
  const std::string_view ct6 = kAnswer.substr(kAnswer.find(R"("CT6": {)"));
  const std::string one{ct6.substr(0, ct6.find('}') + 1)};
  std::string all;
  for (int n = 7; n <= 24; ++n) all += with(one, "CT6", "CT" + std::to_string(n)) + ", ";
  const Parsed p = read(with(kAnswer, "\"READ_TIME_NS\"", all + "\"READ_TIME_NS\""));
  CHECK(p.outcome == Outcome::answer);
  CHECK(p.codes() == Codes{});
  CHECK(p.answer.port_count == 24);
  CHECK(p.values() == 24 * 9);
  for (const char* none : {"CT0", "CT25", "CT07", "CT", "CT7x", "ct7"}) {
    INFO(none);
    const Parsed other = read(with(kAnswer, "\"READ_TIME_NS\"", with(one, "CT6", none) + ", \"READ_TIME_NS\""));
    CHECK(other.codes() == Codes{"unknown_field"});
    CHECK(other.answer.port_count == 6);
  }
}

TEST_CASE("names that became numbers") {
  CHECK(text_of_token("1.0") == "1");
  CHECK(text_of_token("42.0") == "42");
  CHECK(text_of_token("-7") == "-7");
  CHECK(text_of_token("1.5") == "1.5");
  CHECK(text_of_token("1e+10") == "10000000000");
  CHECK(text_of_token("1e+20") == "1e+20");
  CHECK(text_of_token("true") == "true");
  CHECK(text_of_token("null") == "");
  CHECK(text_of_token(R"("a\"\\\/\n\u00fc\ud83d\ude00")") == "a\"\\/\n\xC3\xBC\xF0\x9F\x98\x80");
  CHECK(text_of_token("[1]") == std::nullopt);
  CHECK(text_of_token("nan") == std::nullopt);
  CHECK(text_of_token(R"("\q")") == std::nullopt);
  CHECK(text_of_token(R"("\ud83d")") == std::nullopt);
  CHECK(text_of_token(R"("\u12")") == std::nullopt);
  for (const char* active : {"1", "1.0", "true"}) {
    const Parsed p = read(with(kAnswer, R"("ACTIVE": 1.0)", std::string{R"("ACTIVE": )"} + active));
    CHECK(p.codes() == Codes{});
    CHECK(p.answer[UnitNumber::active] == 1);
  }
  for (const char* inactive : {"0", "0.0", "false"}) {
    const Parsed p = read(with(kAnswer, R"("ACTIVE": 1.0)", std::string{R"("ACTIVE": )"} + inactive));
    CHECK(p.codes() == Codes{});
    CHECK(p.answer[UnitNumber::active] == 0);
  }
}

TEST_CASE("percent-encoding is undone once") {
  CHECK(decode_percent("Meter%20Cupboard") == "Meter Cupboard");
  CHECK(decode_percent("100%25") == "100%");
  CHECK(decode_percent("%2520") == "%20");
  CHECK(decode_percent("K%C3%BCche") == "K\xC3\xBC\x63he");
  CHECK(decode_percent("K%FCche") == "K%FCche");  // Latin-1 would be a guess
  CHECK(decode_percent("a%0Ab") == "a%0Ab");
  CHECK(decode_percent("%") == "%");
  CHECK(decode_percent("%4") == "%4");
  CHECK(decode_percent("%zz%41") == "%zzA");
}

TEST_CASE("foreign text in messages is printable UTF-8") {
  CHECK(excerpt("abc", 10) == "abc");
  CHECK(excerpt("abcdef", 3) == "abc");
  CHECK(excerpt("a\nb\x7F\xFF\xC3", 10) == "a?b???");
  CHECK(excerpt("ab\xC3\xBC", 3) == "ab");
  CHECK(excerpt("ab\xC3\xBC", 4) == "ab\xC3\xBC");
  CHECK(read("\x01\xFFhello").problems[0].message == "expected UTF-8");
  CHECK(read("\x01hello").problems[0].message == "expected a JSON object, got ?hello");
}

TEST_CASE("nan and inf cost their own value") {
  for (const char* word : {"nan", "-nan", "inf", "-inf", "Infinity", "1e999", "null", "\"5\"", "[]", "{}"}) {
    INFO(word);
    const Parsed p = read(with(kAnswer, "2210.54", word));
    CHECK(p.outcome == Outcome::answer);
    CHECK(p.codes() == Codes{"bad_value"});
    CHECK(p.problems[0].kind == Problem::Kind::object);
    CHECK(p.problems[0].offset == kAnswer.find("2210.54"));
    CHECK(p.values() == 6 * 9 - 1);
    CHECK_FALSE(p.answer.ports[1].has(PortNumber::prms));
    CHECK(p.answer.ports[1][PortNumber::preact] == 221.8869);
  }
}

TEST_CASE("values of the wrong type cost themselves") {
  const auto codes = [](const char* from, const char* to) { return read(with(kAnswer, from, to)).codes(); };
  CHECK(codes("-51.4", "\"far\"") == Codes{"bad_value"});
  CHECK(codes("\"ACTIVE\": 1.0", "\"ACTIVE\": \"yes\"") == Codes{"bad_value"});
  CHECK(codes("\"3.1\"", "[3, 1]") == Codes{"bad_value"});
  CHECK(codes("\"3.1\"", "3.1") == Codes{});
  CHECK(codes("[2026, 6, 14, 12, 45, 1, 6, 165, 1781441101]", "\"now\"") == Codes{"bad_value"});
  CHECK(codes("[2026, 6, 14, 12, 45, 1, 6, 165, 1781441101]", "[]") == Codes{"bad_value"});
  CHECK(codes("[2026, 6, 14, 12, 45, 1, 6, 165, 1781441101]", "[2026, [6], 14]") == Codes{"bad_value"});
}

TEST_CASE("fields that are missing") {
  const Parsed p = read(with(kAnswer, R"("PRMS": -1843.27, )", ""));
  CHECK(p.outcome == Outcome::answer);
  CHECK(p.codes() == Codes{"missing_field"});
  CHECK(p.problems[0].message == "expected CT1.PRMS");
  CHECK(p.values() == 6 * 9 - 1);

  const std::size_t ct3 = kAnswer.find(R"("CT3")"), ct4 = kAnswer.find(R"("CT4")");
  const Parsed no_port = read(with(kAnswer, kAnswer.substr(ct3, ct4 - ct3), ""));
  CHECK(no_port.codes() == Codes{"missing_field"});
  CHECK(no_port.problems[0].message == "expected CT3");
  CHECK(no_port.values() == 5 * 9);

  const Parsed no_object = read(with(kAnswer, R"("CT1": {)", R"("CT1": 7, "CT30": {)"));
  CHECK(no_object.codes() == Codes{"bad_value", "unknown_field"});
  CHECK(read(R"({"PRODUCT_ID": "CT6"})").codes() == Codes{"missing_field"});
  // Firmware before 2.68 has no threshold, before 2.65 no TIMESENT; very old ones no ACTIVE.
  std::string old = with(kAnswer, R"(, "PF_WATTS_THRESHOLD": 5)", "");
  old = with(old, R"(, "TIMESENT": [2026, 6, 14, 12, 45, 1, 6, 165, 1781441101])", "");
  CHECK(read(old).codes() == Codes{});
  CHECK(read(with(old, R"(, "ACTIVE": 1.0)", "")).codes() == Codes{});
}

TEST_CASE("keys that stand twice: the last counts") {
  const Parsed p = read(with(kAnswer, R"("PRMS": -1843.27)", R"("PRMS": 1, "PRMS": 2)"));
  CHECK(p.codes() == Codes{"duplicate_key"});
  CHECK(p.problems[0].kind == Problem::Kind::note);
  CHECK(p.answer.ports[0][PortNumber::prms] == 2);
  const Parsed unit = read(with(kAnswer, R"("RSSI": -51.4)", R"("RSSI": 1, "RSSI": 2)"));
  CHECK(unit.codes() == Codes{"duplicate_key"});
  CHECK(unit.answer[UnitNumber::rssi] == 2);
  const Parsed port = read(with(kAnswer, R"("CT2": {)", R"("CT1": {)"));
  CHECK(port.codes() == Codes{"duplicate_key", "missing_field"});
  CHECK(port.answer.port_count == 5);
  CHECK(port.answer.ports[0][PortNumber::prms] == 2210.54);
}

TEST_CASE("extra keys are counted, whatever is behind them") {
  CHECK(read(with(kAnswer, R"("RSSI")", R"("NEW": {"a": [1, {"b": null}]}, "RSSI")")).codes() ==
        Codes{"unknown_field"});
  CHECK(read(with(kAnswer, R"("IRMS")", R"("THD": 0.1, "IRMS")")).codes() == Codes{"unknown_field"});
  std::string deep(1000, '[');
  deep += std::string(1000, ']');
  const Parsed p = read(with(kAnswer, R"("RSSI")", "\"DEEP\": " + deep + R"(, "RSSI")"));
  CHECK(p.outcome == Outcome::answer);
  CHECK(p.codes() == Codes{"unknown_field"});
}

TEST_CASE("datagrams that are no answer") {
  const auto codes = [](std::string_view text) {
    const Parsed p = read(text);
    CHECK(p.outcome != Outcome::answer);
    return p.codes();
  };
  CHECK(codes("") == Codes{"not_json"});
  CHECK(codes("   \r\n") == Codes{"not_json"});
  CHECK(codes("hello") == Codes{"not_json"});
  CHECK(codes("GET / HTTP/1.0\r\n\r\n") == Codes{"not_json"});
  CHECK(codes("\xFF\xFE\x80") == Codes{"not_utf8"});
  CHECK(codes("{\"PRODUCT_ID\": \"CT\xFF\"}") == Codes{"not_utf8"});
  CHECK(codes("42") == Codes{"not_an_object"});
  CHECK(codes("\"text\"") == Codes{"not_an_object"});
  CHECK(codes("true") == Codes{"not_an_object"});
  CHECK(codes("[]") == Codes{"not_an_object"});
  CHECK(codes("[{\"PRODUCT_ID\": \"CT6\"}]") == Codes{"not_an_object"});
  CHECK(codes("null") == Codes{"no_sample"});
  CHECK(codes("{}") == Codes{"foreign"});
  CHECK(codes(R"({"PRODUCT_ID": "CT7", "CT1": {}})") == Codes{"foreign"});
  CHECK(codes(R"({"PRODUCT_ID": 6})") == Codes{"foreign"});
  CHECK(codes(R"({"CT1": {"PRMS": 1}})") == Codes{"foreign"});  // none of UDP's
  CHECK(codes(R"({"AYT":"-!#8[dkG^v's!dRznE}6}8sP9}QoIR#?O&pg)Qra"})") == Codes{"ayt_question"});
  CHECK(codes(R"({"ERROR": "/x is an invalid command."})") == Codes{"device_error"});
  CHECK(codes("{\"a\" 1}") == Codes{"bad_json"});
  CHECK(codes("{'PRODUCT_ID': 'CT6'}") == Codes{"bad_json"});
  CHECK(codes("{\"PRODUCT_ID\": \"C\tT6\"}") == Codes{"bad_json"});
  CHECK(codes(std::string(200, '{')) == Codes{"bad_json"});
  std::string deep = "{\"a\":";
  deep += std::string(100, '[');
  CHECK(codes(deep) == Codes{"too_deep"});
  Settings small;
  small.max_message = 1000;
  CHECK(read(kAnswer, small).codes() == Codes{"too_long"});
}

TEST_CASE("another product's answer is foreign, laid out as ours or not") {
  Reader reader;
  reader.read(kAnswer);
  const Parsed p = reader.read(with(kAnswer, R"("PRODUCT_ID": "CT6")", R"("PRODUCT_ID": "CT7")"));
  CHECK(p.fitted);
  CHECK(p.outcome == Outcome::rejected);
  CHECK(p.codes() == Codes{"foreign"});
}

TEST_CASE("the first or last fragment of a datagram, cut at every length") {
  Reader reader;
  reader.read(kAnswer);
  for (std::size_t length = 1; length < kAnswer.size(); ++length) {
    INFO(length);
    const Parsed head = reader.read(kAnswer.substr(0, length));
    CHECK(head.outcome == Outcome::rejected);
    CHECK(head.codes() == Codes{"truncated"});
    const Parsed tail = reader.read(kAnswer.substr(length));
    CHECK(tail.outcome == Outcome::rejected);
    CHECK(tail.problems.size() == 1);
  }
}

TEST_CASE("what follows the object is a remark") {
  for (const char* tail : {" x", "}", "\n{\"PRODUCT_ID\": \"CT6\"}", ",", "\xFF"}) {
    INFO(tail);
    const Parsed p = read(std::string{kAnswer} + tail);
    CHECK(p.outcome == Outcome::answer);
    CHECK(p.codes() == Codes{"trailing_bytes"});
    CHECK(p.values() == 54);
  }
  using namespace std::string_literals;
  CHECK(read(std::string{kAnswer} + "\r\n\0\0"s).codes() == Codes{});
  CHECK(read("\n " + std::string{kAnswer}).codes() == Codes{});
}

TEST_CASE("the payload of MQTT needs no header") {
  Settings mqtt;
  const Parsed p = read(kPayload, mqtt);
  CHECK(p.outcome == Outcome::answer);
  CHECK(p.codes() == Codes{});
  CHECK(p.values() == 54);
  CHECK(p.answer.time_sent == 1'781'441'102);
  CHECK(read(kPayload, udp()).codes() == Codes{"foreign"});
}

TEST_CASE("replies with an apostrophe, which HTTP spoils") {
  const auto spoilt = [](std::string_view name) {
    std::string text = with(kPayload, "\"Grid\"", '"' + std::string{name} + '"');
    std::replace(text.begin(), text.end(), '\'', '"');
    return text;
  };
  for (const char* name : {"Bob's", "'t Huis", "Kees'", "a''b", "'"}) {
    INFO(name);
    Reader reader(http());
    const Parsed p = reader.read(spoilt(name));
    CHECK(p.outcome == Outcome::answer);
    CHECK(p.codes() == Codes{"apostrophe"});
    CHECK(p.values() == 54);
    CHECK(text_of_token(p.answer.ports[0].texts[index(PortText::name)]) == name);
  }
  CHECK(read(spoilt("Bob's"), udp()).codes() == Codes{"bad_json"});
  // What can't be mended is told about as it came.
  const std::string text = with(spoilt("Bob's"), "\"Solar\"", "\"So\nlar\"");
  CHECK(read(text, http()).codes() == Codes{"bad_json"});
}

TEST_CASE("no mutant says other things through a layout than through a walk") {
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  std::mt19937 random(seed);
  Settings walk = udp();
  walk.layouts = false;
  Reader walker(walk);
  Reader reader;
  reader.read(kAnswer);
  std::size_t fitted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text{kAnswer};
    const std::size_t at = random() % text.size();
    switch (random() % 3) {
      case 0: text[at] = static_cast<char>(random() % 256); break;
      case 1: text.erase(at, 1); break;
      default: text.insert(at, 1, static_cast<char>("0123456789.-eE\"\\{}[], :tfn"[random() % 26]));
    }
    const Parsed slow = walker.read(text), fast = reader.read(text);
    fitted += fast.fitted ? 1U : 0U;
    if (dump(fast) == dump(slow)) continue;
    INFO("seed " << seed << ", round " << round << ": " << text);
    CHECK(dump(fast) == dump(slow));
  }
  CHECK(fitted > 1000);
}
