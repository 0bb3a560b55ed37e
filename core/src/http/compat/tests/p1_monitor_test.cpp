// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The reference P1 monitor's HTTP interface; expected texts from the dsmr_p1 sheet, sections 11.4 and 12.
#include "http/compat/p1_monitor/routes.hpp"
#include "http/compat/tests/compat_fixture.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

using namespace mesura;
using namespace mesura::http;
using namespace mesura::http::test;
using Catch::Matchers::StartsWith;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::string crc_of(const std::string& text) {
  unsigned crc = 0;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = (crc & 1U) != 0 ? crc >> 1U ^ 0xA001U : crc >> 1U;
  }
  return fmt::format("{:04X}", crc);
}

/// A Belgian telegram. `peak`: what stands behind 1.6.0, none: no such line.
std::string telegram(const std::string& stamp, int import_w, int export_w,
                     const std::string& peak = "(231201163000W)(02.500*kW)", const std::string& more = {}) {
  std::string text = fmt::format("/FLU5\\253000000_A\r\n\r\n0-0:96.1.4(50217)\r\n0-0:1.0.0({})\r\n", stamp);
  if (!peak.empty()) text += "1-0:1.6.0" + peak + "\r\n";
  text += more;
  text += fmt::format("1-0:1.7.0({:02}.{:03}*kW)\r\n1-0:2.7.0({:02}.{:03}*kW)\r\n!", import_w / 1000, import_w % 1000,
                      export_w / 1000, export_w % 1000);
  return text + crc_of(text) + "\r\n";
}

std::string vector_d() {
  std::ifstream in(MESURA_P1_GOLDEN "/vector_d_belgium_single_phase/input.bin", std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string nulls(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += "null,";
  return out;
}

struct Monitor : Site {
  Monitor() : Site("dsmr_p1") {}
  std::vector<Route> routes = compat::p1_monitor_routes(context());

  void again() {
    routes.clear();
    restart();
    routes = compat::p1_monitor_routes(context());
  }
  void sample(const std::string& stamp, int import_w, int export_w, const std::string& received,
              const std::string& peak = "(231201163000W)(02.500*kW)") {
    feed(telegram(stamp, import_w, export_w, peak), utc(received));
  }
  [[nodiscard]] Response ask(const std::string& target) const { return get(routes, target); }
  [[nodiscard]] std::string body(const std::string& target) const { return ask(target).body; }
  [[nodiscard]] std::string peak() const {
    const std::string text = body("/current/month/peak");
    return text.substr(text.find("\"peak\""));
  }
};

const std::string kEmpty =
    R"({"quarter_id":0,"consumed_power_avg":0,"interval_secs":5,"consumed_power_interval_avgs":[],)"
    R"("produced_power_interval_avgs":[]})";
const std::string kFirst =
    R"({"quarter_id":386662722,"consumed_power_avg":331,"interval_secs":5,"consumed_power_interval_avgs":[652,null,10],)"
    R"("produced_power_interval_avgs":[0,null,-300]})";

void first_row(Monitor& m) {
  m.sample("231201163000W", 650, 0, "2023-12-01 15:30:00");
  m.sample("231201163003W", 655, 0, "2023-12-01 15:30:03");
  m.sample("231201163012W", 10, 300, "2023-12-01 15:30:12");
  m.sample("231201163013W", 11, 301, "2023-12-01 15:30:13");
}

}  // namespace

TEST_CASE_METHOD(Monitor, "the running quarter hour and its file are byte for byte the sheet's", "[p1_monitor]") {
  CHECK(body("/current/quarter") == kEmpty);
  CHECK(body("/watt") == "-1");
  CHECK(peak() == R"("peak":{"quarter_id":0,"power":0}})");
  first_row(*this);
  CHECK(body("/current/quarter") == kFirst);
  CHECK(body("/watt") == "10");
  CHECK(peak() == R"("peak":{"quarter_id":386662721,"power":2500}})");
  CHECK(ask("/meter/2023/12/01/1630W.json").status == 404);
  CHECK(body("/historic/quarters?year=2023&month=12&day=1") == "{}");

  sample("231201164500W", 100, 0, "2023-12-01 15:45:00");
  CHECK(body("/current/quarter") ==
        R"({"quarter_id":386662723,"consumed_power_avg":100,"interval_secs":5,"consumed_power_interval_avgs":[100],)"
        R"("produced_power_interval_avgs":[0]})");
  // Out of memory, out of raw rows, out of what the sink made of them.
  CHECK(body("/meter/2023/12/01/1630W.json") == kFirst);
  again();
  clock().set_wall(utc("2023-12-01 15:46:00"));
  CHECK(body("/meter/2023/12/01/1630W.json") == kFirst);
  sample("231201164512W", 100, 0, "2023-12-01 15:46:12");
  maintain(utc("2023-12-01 15:47:00"));
  const database::Database db{file()};
  db.execute("DELETE FROM meter");
  CHECK(body("/meter/2023/12/01/1630W.json") == kFirst);
  CHECK(body("/historic/quarters?year=2023&month=12&day=1") ==
        R"({"year":2023,"month":12,"day":1,"quarters":[386662722]})");
}

TEST_CASE_METHOD(Monitor, "the autumn night has both quarter hours of a quarter past two", "[p1_monitor]") {
  sample("251026025958S", 100, 0, "2025-10-26 00:59:58");
  sample("251026025959S", 200, 0, "2025-10-26 00:59:59");
  sample("251026020000W", 300, 0, "2025-10-26 01:00:00");
  const std::string file = R"({"quarter_id":420092555,"consumed_power_avg":150,"interval_secs":5,)"
                           R"("consumed_power_interval_avgs":[)" +
                           nulls(179) + R"(150],"produced_power_interval_avgs":[)" + nulls(179) + "0]}";
  CHECK(body("/meter/2025/10/26/0245S.json") == file);
  CHECK_THAT(body("/current/quarter"), StartsWith(R"({"quarter_id":420092424,"consumed_power_avg":300,)"));
  CHECK(ask("/meter/2025/10/26/0200W.json").status == 404);
  CHECK(ask("/meter/2025/10/26/0245W.json").status == 404);
  sample("251026021500W", 300, 0, "2025-10-26 01:15:00");
  CHECK_THAT(body("/meter/2025/10/26/0200W.json"), StartsWith(R"({"quarter_id":420092424,)"));
  CHECK(body("/historic/quarters?year=2025&month=10&day=26") ==
        R"({"year":2025,"month":10,"day":26,"quarters":[420092555,420092424]})");
  maintain(utc("2025-10-26 01:20:00"));
  again();
  clock().set_wall(utc("2025-10-26 01:20:00"));
  CHECK(body("/meter/2025/10/26/0245S.json") == file);
}

TEST_CASE_METHOD(Monitor, "the spring night goes from a quarter to two to three", "[p1_monitor]") {
  sample("260329015959W", 100, 0, "2026-03-29 00:59:59");
  sample("260329030000S", 200, 0, "2026-03-29 01:00:00");
  CHECK_THAT(body("/meter/2026/03/29/0145W.json"), StartsWith(R"({"quarter_id":436411655,)"));
  CHECK_THAT(body("/current/quarter"), StartsWith(R"({"quarter_id":436411788,)"));
  // A time that the clock skips.
  CHECK(ask("/meter/2026/03/29/0200W.json").status == 404);
  CHECK(ask("/meter/2026/03/29/0215S.json").status == 404);
  sample("260329031500S", 200, 0, "2026-03-29 01:15:00");
  CHECK_THAT(body("/meter/2026/03/29/0300S.json"), StartsWith(R"({"quarter_id":436411788,)"));
}

TEST_CASE_METHOD(Monitor, "vector D alone is the thirty-third five seconds of its quarter hour", "[p1_monitor]") {
  feed(vector_d(), utc("2024-02-12 17:17:42"));
  CHECK(body("/current/quarter") == R"({"quarter_id":402787401,"consumed_power_avg":2345,"interval_secs":5,)"
                                    R"("consumed_power_interval_avgs":[)" +
                                        nulls(32) + R"(2345],"produced_power_interval_avgs":[)" + nulls(32) + "0]}");
  CHECK(peak() == R"("peak":{"quarter_id":402785606,"power":4216}})");
  CHECK(body("/watt") == "2345");
  clock().advance(21 * kSecond);
  CHECK(body("/watt") == "-1");
}

TEST_CASE_METHOD(Monitor, "a peak at the month's last midnight is that of its last quarter hour", "[p1_monitor]") {
  sample("240301000002W", 500, 0, "2024-02-29 23:00:02", "(240301000000W)(05.000*kW)");
  CHECK(peak() == R"("peak":{"quarter_id":402791775,"power":5000}})");
  // The new month's first own quarter hour.
  sample("240301001500W", 500, 0, "2024-02-29 23:15:00", "(240301001500W)(00.500*kW)");
  CHECK(peak() == R"("peak":{"quarter_id":402850048,"power":500}})");
}

TEST_CASE_METHOD(Monitor, "a month without a peak has none, whatever the months before had", "[p1_monitor]") {
  SECTION("a null stamp") {
    feed(telegram("240301000502W", 500, 0, "(632525252525W)(00.000*kW)",
                  "0-0:98.1.0(1)(1-0:1.6.0)(1-0:1.6.0)(240301000000W)(240205174500W)(04.216*kW)\r\n"),
         utc("2024-02-29 23:05:02"));
  }
  SECTION("no line") { sample("240301000502W", 500, 0, "2024-02-29 23:05:02", ""); }
  CHECK(peak() == R"("peak":{"quarter_id":0,"power":0}})");
  // The rest is there.
  CHECK(body("/watt") == "500");
}

TEST_CASE_METHOD(Monitor, "a restart within a quarter hour loses none of it and counts nothing twice", "[p1_monitor]") {
  sample("231201163000W", 650, 0, "2023-12-01 15:30:00");
  sample("231201163003W", 655, 0, "2023-12-01 15:30:03");
  const bool clean = GENERATE(true, false);
  if (clean) stop();
  again();
  clock().set_wall(utc("2023-12-01 15:30:08"));
  // Before the first telegram: what the database has.
  CHECK(body("/current/quarter") ==
        R"({"quarter_id":386662722,"consumed_power_avg":652,"interval_secs":5,"consumed_power_interval_avgs":[652],)"
        R"("produced_power_interval_avgs":[0]})");
  CHECK(body("/watt") == "-1");
  sample("231201163012W", 10, 300, "2023-12-01 15:30:12");
  sample("231201163013W", 11, 301, "2023-12-01 15:30:13");
  CHECK(body("/current/quarter") == kFirst);
  CHECK(ask("/meter/2023/12/01/1630W.json").status == 404);
  CHECK(body("/historic/days?year=2023&month=12") == "{}");
  sample("231201164500W", 100, 0, "2023-12-01 15:45:00");
  CHECK(body("/meter/2023/12/01/1630W.json") == kFirst);
  again();
  clock().set_wall(utc("2023-12-01 15:50:00"));
  CHECK(body("/meter/2023/12/01/1630W.json") == kFirst);
}

TEST_CASE_METHOD(Monitor, "memory counts where routes thin what is stored", "[p1_monitor]") {
  stored = [n = 0](const Batch&) mutable { return n++ % 2 == 0; };
  first_row(*this);
  CHECK(body("/current/quarter") == kFirst);
  store = false;
  sample("231201164500W", 100, 0, "2023-12-01 15:45:00");
  CHECK(body("/meter/2023/12/01/1630W.json") == kFirst);
}

TEST_CASE_METHOD(Monitor, "one telegram from the future costs a telegram", "[p1_monitor]") {
  sample("231201163000W", 650, 0, "2023-12-01 15:30:00");
  sample("231201193000W", 9999, 0, "2023-12-01 15:30:01");
  sample("231201163003W", 655, 0, "2023-12-01 15:30:03");
  // Memory has let go of what came before; the database has it.
  CHECK(body("/watt") == "655");
  sample("231201163012W", 10, 300, "2023-12-01 15:30:12");
  sample("231201163013W", 11, 301, "2023-12-01 15:30:13");
  CHECK(body("/current/quarter") == kFirst);
  CHECK(body("/watt") == "10");
}

TEST_CASE_METHOD(Monitor, "the meter's clock counts, not ours", "[p1_monitor]") {
  // Telegrams of 2023, replayed in 2026.
  const char* now = "2026-11-21 12:00:00";
  sample("231201163000W", 650, 0, now);
  sample("231201163003W", 655, 0, now);
  sample("231201163012W", 10, 300, now);
  sample("231201163013W", 11, 301, now);
  CHECK(body("/current/quarter") == kFirst);
  CHECK(ask("/meter/2023/12/01/1630W.json").status == 404);
  // It has fallen silent: its last quarter hour is all that there will be.
  clock().advance(60 * kSecond);
  CHECK(body("/meter/2023/12/01/1630W.json") == kFirst);
  CHECK(body("/current/quarter") == kFirst);
}

TEST_CASE_METHOD(Monitor, "meters of other countries have quarter hours without a peak", "[p1_monitor]") {
  for (const char* second : {"00", "03"})
    sample(fmt::format("2312011630{}W", second), 652, 0, fmt::format("2023-12-01 15:30:{}", second), "");
  CHECK(body("/current/quarter") ==
        R"({"quarter_id":386662722,"consumed_power_avg":652,"interval_secs":5,"consumed_power_interval_avgs":[652],)"
        R"("produced_power_interval_avgs":[0]})");
  CHECK(peak() == R"("peak":{"quarter_id":0,"power":0}})");
}

TEST_CASE_METHOD(Monitor, "power beyond 32767 W stays what it is", "[p1_monitor]") {
  sample("231201163000W", 40000, 0, "2023-12-01 15:30:00");
  sample("231201163005W", 0, 50000, "2023-12-01 15:30:05");
  CHECK(body("/current/quarter") ==
        R"({"quarter_id":386662722,"consumed_power_avg":20000,"interval_secs":5,)"
        R"("consumed_power_interval_avgs":[40000,0],"produced_power_interval_avgs":[0,-50000]})");
}

TEST_CASE_METHOD(Monitor, "what is stored is listed by year, month, day and quarter hour", "[p1_monitor]") {
  CHECK(body("/historic/years") == R"({"years":[]})");
  sample("231130235959W", 100, 0, "2023-11-30 22:59:59");
  sample("231201000001W", 100, 0, "2023-11-30 23:00:01");
  sample("231201001600W", 100, 0, "2023-11-30 23:16:00");
  sample("231202120000W", 100, 0, "2023-12-02 11:00:00");
  sample("240101000000W", 100, 0, "2023-12-31 23:00:00");
  sample("240101001500W", 100, 0, "2023-12-31 23:15:00");
  maintain(utc("2023-12-31 23:16:00"));
  for (const bool from_disk : {false, true}) {
    if (from_disk) {
      again();
      clock().set_wall(utc("2023-12-31 23:20:00"));
    }
    CAPTURE(from_disk);
    CHECK(body("/historic/years") == R"({"years":[2023,2024]})");
    CHECK(body("/historic/months?year=2023") == R"({"year":2023,"months":[11,12]})");
    CHECK(body("/historic/months?year=2024") == R"({"year":2024,"months":[1]})");
    CHECK(body("/historic/days?year=2023&month=12") == R"({"year":2023,"month":12,"days":[1,2]})");
    CHECK(body("/historic/days?year=2023&month=11") == R"({"year":2023,"month":11,"days":[30]})");
    CHECK(body("/historic/quarters?year=2023&month=12&day=1") ==
          R"({"year":2023,"month":12,"day":1,"quarters":[386662656,386662657]})");
    CHECK(body("/historic/quarters?year=2023&month=11&day=30") ==
          R"({"year":2023,"month":11,"day":30,"quarters":[386604639]})");
  }
  for (const char* none :
       {"/historic/months?year=2022", "/historic/months?year=x",
        "/historic/months?year=", "/historic/months?year=99999", "/historic/months?year=-1",
        "/historic/days?year=2023&month=13", "/historic/days?year=2023&month=0", "/historic/days?year=2023&month=10",
        "/historic/quarters?year=2023&month=12&day=32", "/historic/quarters?year=2023&month=02&day=30"}) {
    CAPTURE(none);
    const Response answer = ask(none);
    CHECK(answer.status == 200);
    CHECK(answer.body == "{}");
  }
}

TEST_CASE_METHOD(Monitor, "a missing parameter is named, in order", "[p1_monitor]") {
  const auto refused = [&](const std::string& target, const std::string& text) {
    CAPTURE(target);
    const Response answer = ask(target);
    CHECK(answer.status == 400);
    CHECK(answer.content_type == "text/plain");
    CHECK(answer.body == text);
    CHECK(header(answer, "Access-Control-Allow-Origin") == "*");
  };
  refused("/historic/months", "ERROR: Need a year argument");
  refused("/historic/days", "ERROR: Need a year argument");
  refused("/historic/days?month=12", "ERROR: Need a year argument");
  refused("/historic/days?year=2023", "ERROR: Need a month argument");
  refused("/historic/quarters?day=1", "ERROR: Need a year argument");
  refused("/historic/quarters?year=x&day=1", "ERROR: Need a month argument");
  refused("/historic/quarters?year=2023&month=12", "ERROR: Need a day argument");
}

TEST_CASE_METHOD(Monitor, "what was never there is not found", "[p1_monitor]") {
  first_row(*this);
  sample("231201164500W", 100, 0, "2023-12-01 15:45:00");
  for (const char* path :
       {"/meter/2023/12/01/1631W.json", "/meter/2023/12/01/1630S.json", "/meter/2023/12/01/1630w.json",
        "/meter/2023/12/1/1630W.json", "/meter/2023/13/01/1630W.json", "/meter/2023/02/30/1630W.json",
        "/meter/2023/12/01/2500W.json", "/meter/2023/12/01/1630W", "/meter/2023/12/01/1630W.txt",
        "/meter/2023/12/01/%2e%2eW.json", "/meter/0023/12/01/1630W.json", "/meter/9999/12/01/1630W.json",
        "/meter/2023/12/01", "/meter/2023/12/01/1630W.json/x", "/meter/-023/12/01/1630W.json", "/update",
        "/update/identity"}) {
    CAPTURE(path);
    const Response answer = ask(path);
    CHECK(answer.status == 404);
    CHECK(answer.content_type == "text/plain");
    CHECK(answer.body == "Item not found");
    CHECK(header(answer, "Access-Control-Allow-Origin") == "*");
  }
}

TEST_CASE_METHOD(Monitor, "every answer may be read by pages of other hosts, live ones are not kept", "[p1_monitor]") {
  auto told = context();
  told.starts_ns = {utc("2023-11-30 07:00:00"), utc("2023-12-01 15:00:05")};
  told.own_port = true;
  routes = compat::p1_monitor_routes(told);
  first_row(*this);
  for (const char* path : {"/current/quarter", "/current/month/peak", "/watt", "/historic/years", "/crashlog.txt",
                           "/description.xml", "/nothing/there", "/config.json"})
    CHECK(header(ask(path), "Access-Control-Allow-Origin") == "*");
  for (const char* path : {"/current/quarter", "/current/month/peak", "/watt"})
    CHECK(header(ask(path), "Cache-Control") == "no-store");
  CHECK(ask("/current/quarter").content_type == "application/json");
  CHECK(ask("/watt").content_type == "text/plain");
  CHECK(body("/crashlog.txt") == "Started up @2023-11-30 08:00:00\nStarted up @2023-12-01 16:00:05\n");
  CHECK_THAT(body("/description.xml"), StartsWith("<?xml"));
  CHECK(ask("/nothing/there").status == 404);
  CHECK_THAT(body("/current/month/peak"), StartsWith(R"({"memory":{"size_heap":)"));
}

TEST_CASE_METHOD(Monitor, "a database that is away costs the past, not the present", "[p1_monitor]") {
  first_row(*this);
  const auto away = std::make_shared<store::StorePool>(
      []() -> std::unique_ptr<store::Archive> {
        throw store::StoreError(store::StoreError::Cause::unavailable,
                                "qry-open: sqlite store.db: can't be opened\n  hint      wait");
      },
      1);
  auto without = context();
  without.stores = [away] { return away; };
  routes = compat::p1_monitor_routes(without);
  CHECK(body("/current/quarter") == kFirst);
  const Response past = ask("/meter/2023/11/01/1630W.json");
  CHECK(past.status == 503);
  CHECK(past.body == "ERROR: qry-open: sqlite store.db: can't be opened");
  CHECK(header(past, "Access-Control-Allow-Origin") == "*");
  // And none at all.
  without.stores = {};
  routes = compat::p1_monitor_routes(without);
  CHECK(body("/current/quarter") == kFirst);
  CHECK(ask("/meter/2023/11/01/1630W.json").status == 404);
}

TEST_CASE_METHOD(Monitor, "the reference page finds what it asks for", "[p1_monitor]") {
  // At load, every five seconds, and when a new quarter hour begins: the peak.
  first_row(*this);
  const auto id_of = [](const std::string& quarter) {
    const std::size_t at = quarter.find(':') + 1;
    return std::stoi(quarter.substr(at, quarter.find(',') - at));
  };
  int shown = id_of(body("/current/quarter"));
  CHECK(shown == 386662722);
  sample("231201164502W", 100, 0, "2023-12-01 15:45:02");
  const int now = id_of(body("/current/quarter"));
  CHECK(now != shown);
  CHECK(peak() == R"("peak":{"quarter_id":386662721,"power":2500}})");
  // "< 15'": the page turns the number into the path of the quarter hour before.
  const int q = (now & 0x7f) - 1;
  const std::string path = fmt::format("/meter/{}/{:02}/{:02}/{:02}{:02}{}.json", 2000 + (now >> 24), now >> 16 & 0xff,
                                       now >> 8 & 0xff, q / 4, q % 4 * 15, (now & 0x80) != 0 ? 'S' : 'W');
  CHECK(path == "/meter/2023/12/01/1630W.json");
  CHECK(body(path) == kFirst);
  // "<<": a day before, nothing: "Geen metingen gevonden".
  CHECK(ask("/meter/2023/11/30/1630W.json").status == 404);
}
