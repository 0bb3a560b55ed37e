// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The writer against the protocol sheet's vectors, byte for byte.
#include "virtual_telegram.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "virtual_frame.hpp"
#include "virtual_house/parse.hpp"

using namespace mesura::dsmr_p1::twin;
using mesura::virtual_house::parse_hex;
using mesura::virtual_house::parse_utc;

namespace {

UtcSeconds utc(std::string_view text) { return parse_utc(text).value(); }

/// Vector text with the line ends of the wire.
std::string wire(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

std::string sealed(const char* dialect, const MeterIdentity& identity, const Reading& reading) {
  const Dialect& d = *find_dialect(dialect);
  const MeterClock clock{d.zone};
  return seal(write_telegram(d, clock, identity, reading).body, d.crc ? CrcStyle::padded : CrcStyle::none);
}

MeterIdentity identity(const char* header, const char* version = "") {
  MeterIdentity id;
  id.header = header;
  id.version = version;
  return id;
}

Reading minimal() {
  Reading r;
  r.phases = 1;
  r.power_w = 100;
  return r;
}

/// Everything that nl5 sends but the lines named.
std::vector<std::string> all_but(const char* dialect, const Reading& reading, const std::vector<std::string>& kept) {
  const std::string text = sealed(dialect, identity("/TST5X", "50"), reading);
  std::vector<std::string> omit;
  for (std::size_t at = text.find("\r\n\r\n") + 4; text[at] != '!'; at = text.find("\r\n", at) + 2) {
    const std::string code = text.substr(at, text.find('(', at) - at);
    if (std::find(kept.begin(), kept.end(), code) == kept.end()) omit.push_back(code);
  }
  return omit;
}

const Truth* find(const Telegram& telegram, std::string_view channel, std::string_view quantity) {
  for (const Truth& t : telegram.truth)
    if (t.channel == channel && t.quantity == quantity) return &t;
  return nullptr;
}

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

template <std::size_t N>
std::array<std::uint8_t, N> key(std::string_view text) {
  std::array<std::uint8_t, N> out{};
  const auto bytes = parse_hex(text).value();
  REQUIRE(bytes.size() == N);
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

}  // namespace

TEST_CASE("twin crc: the sheet's literals") {
  CHECK(arc("") == 0x0000);
  CHECK(arc("123456789") == 0xBB3D);
  CHECK(arc("/") == 0xDC41);
  CHECK(arc("/!") == 0x28DC);
  CHECK(arc("/TST5X\r\n\r\n!") == 0x0524);
}

TEST_CASE("twin seal: every style of checksum") {
  const std::string body = "/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n";
  CHECK(seal(body, CrcStyle::padded) == body + "!BD20\r\n");
  CHECK(seal(body, CrcStyle::lower) == body + "!bd20\r\n");
  CHECK(seal(body, CrcStyle::unpadded) == body + "!BD20\r\n");
  CHECK(seal(body, CrcStyle::none) == body + "!\r\n");
  // M30's family: a checksum that begins with zeros loses them.
  CHECK(seal("/TST5X\r\n\r\n", CrcStyle::padded) == "/TST5X\r\n\r\n!0524\r\n");
  CHECK(seal("/TST5X\r\n\r\n", CrcStyle::unpadded) == "/TST5X\r\n\r\n!524\r\n");
}

TEST_CASE("twin vector J: a single line") {
  MeterIdentity id = identity("/TST5X", "50");
  id.omit = all_but("nl5", minimal(), {"1-0:1.7.0"});
  CHECK(sealed("nl5", id, minimal()) == wire("/TST5X\n\n1-0:1.7.0(00.100*kW)\n!BD20\n"));
}

TEST_CASE("twin vector A: DSMR 2.2, old gas lines, no checksum") {
  Reading r;
  r.serial = "TEST000000001";
  r.import_wh = {1'234'567, 890'123, 0, 0};
  r.export_wh = {4'500, 11'250, 0, 0};
  r.tariff = 1;
  r.power_w = 430;
  r.mbus = {{1, MbusType::gas, "GAS0000001", utc("2024-01-15T13:00:00Z"), 321'987}};
  const std::string text = sealed("nl2", identity(R"(/TST3\V22-SIM)"), r);
  CHECK(text == wire(R"(/TST3\V22-SIM

0-0:96.1.1(54455354303030303030303031)
1-0:1.8.1(01234.567*kWh)
1-0:1.8.2(00890.123*kWh)
1-0:2.8.1(00004.500*kWh)
1-0:2.8.2(00011.250*kWh)
0-0:96.14.0(0001)
1-0:1.7.0(0000.43*kW)
1-0:2.7.0(0000.00*kW)
0-0:17.0.0(0999.00*kW)
0-0:96.3.10(1)
0-0:96.13.1()
0-0:96.13.0()
0-1:24.1.0(3)
0-1:96.1.0(47415330303030303031)
0-1:24.3.0(240115140000)(00)(60)(1)(0-1:24.2.1)(m3)
(00321.987)
0-1:24.4.0(1)
!
)"));
  CHECK(text.size() == 429);
}

TEST_CASE("twin vector B: DSMR 4.2 with failure log and messages") {
  Reading r;
  r.time = utc("2024-03-10T08:30:15Z");
  r.phases = 3;
  r.serial = "TEST000000002";
  r.import_wh = {4'321'098, 3'210'987, 0, 0};
  r.tariff = 2;
  r.power_w = 1234;
  r.phase_power_w = {612, 201, 421};
  r.current_ma = {3000, 1000, 2000};
  r.failures = 12;
  r.long_failures = 3;
  r.failure_log = {{utc("2023-09-14T16:12:33Z"), 247}, {utc("1999-12-31T23:00:01Z"), 2'147'483'647}};
  r.sags[0].count = 1;
  r.sags[2].count = 2;
  r.mbus = {{1, MbusType::gas, "GAS0000002", utc("2024-03-10T08:00:00Z"), 2'045'118}};
  MeterIdentity id = identity("/TST5SIM-42", "42");
  id.message = "Meter test";
  id.message_code = "01 61 81";
  const std::string text = sealed("nl4", id, r);
  CHECK(text == wire(R"(/TST5SIM-42

1-3:0.2.8(42)
0-0:1.0.0(240310093015W)
0-0:96.1.1(54455354303030303030303032)
1-0:1.8.1(004321.098*kWh)
1-0:1.8.2(003210.987*kWh)
1-0:2.8.1(000000.000*kWh)
1-0:2.8.2(000000.000*kWh)
0-0:96.14.0(0002)
1-0:1.7.0(01.234*kW)
1-0:2.7.0(00.000*kW)
0-0:96.7.21(00012)
0-0:96.7.9(00003)
1-0:99.97.0(2)(0-0:96.7.19)(230914181233S)(0000000247*s)(000101000001W)(2147483647*s)
1-0:32.32.0(00001)
1-0:52.32.0(00000)
1-0:72.32.0(00002)
1-0:32.36.0(00000)
1-0:52.36.0(00000)
1-0:72.36.0(00000)
0-0:96.13.1(3031203631203831)
0-0:96.13.0(4D657465722074657374)
1-0:31.7.0(003*A)
1-0:51.7.0(001*A)
1-0:71.7.0(002*A)
1-0:21.7.0(00.612*kW)
1-0:41.7.0(00.201*kW)
1-0:61.7.0(00.421*kW)
1-0:22.7.0(00.000*kW)
1-0:42.7.0(00.000*kW)
1-0:62.7.0(00.000*kW)
0-1:24.1.0(003)
0-1:96.1.0(47415330303030303032)
0-1:24.2.1(240310090000W)(02045.118*m3)
!9B91
)"));
  CHECK(text.size() == 873);
}

TEST_CASE("twin vector C: DSMR 5.0, export, four M-Bus slots") {
  Reading r;
  r.time = utc("2024-07-01T10:15:07Z");
  r.phases = 3;
  r.serial = "TEST000000003";
  r.import_wh = {2'345'678, 2'876'543, 0, 0};
  r.export_wh = {512'345, 1'298'076, 0, 0};
  r.tariff = 2;
  r.power_w = -2731;
  r.phase_power_w = {-1620, -1231, 120};
  r.voltage_dv = {2354, 2361, 2349};
  r.current_ma = {5000, 4000, 3000};
  r.failures = 7;
  r.long_failures = 4;
  r.failure_log = {
      {utc("2023-11-05T02:15:12Z"), 912}, {utc("2023-07-30T14:30:05Z"), 4021}, {utc("2020-12-31T23:00:00Z"), 301}};
  r.sags[0].count = 3;
  r.sags[1].count = 2;
  r.sags[2].count = 2;
  r.swells[1].count = 1;
  r.mbus = {{1, MbusType::gas, "", kNever, 0},
            {2, MbusType::gas, "GAS0000003", utc("2024-07-01T10:10:01Z"), 3'456'789},
            {3, MbusType::water, "WAT0000001", utc("2024-07-01T10:10:00Z"), 187'042},
            {4, MbusType::heat, "HEA0000001", utc("2024-07-01T10:05:00Z"), 42'170}};
  const std::string text = sealed("nl5", identity(R"(/TST5\2SIM-50)", "50"), r);
  CHECK(text == wire(R"(/TST5\2SIM-50

1-3:0.2.8(50)
0-0:1.0.0(240701121507S)
0-0:96.1.1(54455354303030303030303033)
1-0:1.8.1(002345.678*kWh)
1-0:1.8.2(002876.543*kWh)
1-0:2.8.1(000512.345*kWh)
1-0:2.8.2(001298.076*kWh)
0-0:96.14.0(0002)
1-0:1.7.0(00.000*kW)
1-0:2.7.0(02.731*kW)
0-0:96.7.21(00007)
0-0:96.7.9(00004)
1-0:99.97.0(3)(0-0:96.7.19)(231105031512W)(0000000912*s)(230730163005S)(0000004021*s)(210101000000W)(0000000301*s)
1-0:32.32.0(00003)
1-0:52.32.0(00002)
1-0:72.32.0(00002)
1-0:32.36.0(00000)
1-0:52.36.0(00001)
1-0:72.36.0(00000)
0-0:96.13.0()
1-0:32.7.0(235.4*V)
1-0:52.7.0(236.1*V)
1-0:72.7.0(234.9*V)
1-0:31.7.0(005*A)
1-0:51.7.0(004*A)
1-0:71.7.0(003*A)
1-0:21.7.0(00.000*kW)
1-0:41.7.0(00.000*kW)
1-0:61.7.0(00.120*kW)
1-0:22.7.0(01.620*kW)
1-0:42.7.0(01.231*kW)
1-0:62.7.0(00.000*kW)
0-1:24.1.0(003)
0-1:96.1.0()
0-1:24.2.1(700101010000W)(00000000)
0-2:24.1.0(003)
0-2:96.1.0(47415330303030303033)
0-2:24.2.1(240701121001S)(03456.789*m3)
0-3:24.1.0(007)
0-3:96.1.0(57415430303030303031)
0-3:24.2.1(240701121000S)(00187.042*m3)
0-4:24.1.0(004)
0-4:96.1.0(48454130303030303031)
0-4:24.2.1(240701120500S)(0042.17*GJ)
!F7E6
)"));
  CHECK(text.size() == 1166);
}

TEST_CASE("twin vector D: Belgium, demand and peaks") {
  Reading r;
  r.time = utc("2024-02-12T17:17:42Z");
  r.phases = 1;
  r.serial = "1SAG0000000001";
  r.import_wh = {1'234'567, 1'456'789, 0, 0};
  r.export_wh = {345'678, 123'456, 0, 0};
  r.tariff = 1;
  r.demand.import_w = 422;
  r.month_peak = {utc("2024-02-05T16:45:00Z"), 4216};
  r.peak_history = {{utc("2023-10-31T23:00:00Z"), {utc("2023-10-31T18:30:00Z"), 3918}},
                    {utc("2023-11-30T23:00:00Z"), {}},
                    {utc("2023-12-31T23:00:00Z"), {utc("2023-12-25T17:30:00Z"), 5204}},
                    {utc("2024-01-31T23:00:00Z"), {utc("2024-01-19T06:45:00Z"), 2407}}};
  r.power_w = 2345;
  r.phase_power_w = {2345, 0, 0};
  r.voltage_dv = {2338, 0, 0};
  r.current_ma = {10'210, 0, 0};
  r.mbus = {{1, MbusType::gas, "7FLO0000000001", utc("2024-02-12T17:15:02Z"), 876'543},
            {2, MbusType::water, "8SET0000000001", utc("2024-02-12T17:17:30Z"), 123'456}};
  const std::string text = sealed("be", identity(R"(/FLU5\253000000_A)", "50217"), r);
  CHECK(text == wire(R"(/FLU5\253000000_A

0-0:96.1.4(50217)
0-0:96.1.1(3153414730303030303030303031)
0-0:1.0.0(240212181742W)
1-0:1.8.1(001234.567*kWh)
1-0:1.8.2(001456.789*kWh)
1-0:2.8.1(000345.678*kWh)
1-0:2.8.2(000123.456*kWh)
0-0:96.14.0(0001)
1-0:1.4.0(00.422*kW)
1-0:1.6.0(240205174500W)(04.216*kW)
0-0:98.1.0(4)(1-0:1.6.0)(1-0:1.6.0)(231101000000W)(231031193000W)(03.918*kW)(231201000000W)(632525252525W)(00.000*kW)(240101000000W)(231225183000W)(05.204*kW)(240201000000W)(240119074500W)(02.407*kW)
1-0:1.7.0(02.345*kW)
1-0:2.7.0(00.000*kW)
1-0:21.7.0(02.345*kW)
1-0:22.7.0(00.000*kW)
1-0:32.7.0(233.8*V)
1-0:31.7.0(010.21*A)
0-0:96.3.10(1)
0-0:17.0.0(999.9*kW)
1-0:31.4.0(999*A)
0-0:96.13.0()
0-1:24.1.0(003)
0-1:96.1.1(37464C4F30303030303030303031)
0-1:24.4.0(1)
0-1:24.2.3(240212181502W)(00876.543*m3)
0-2:24.1.0(007)
0-2:96.1.1(3853455430303030303030303031)
0-2:24.2.1(240212181730W)(00123.456*m3)
!D460
)"));
  CHECK(text.size() == 922);
}

TEST_CASE("twin: newer Belgian versions add the connection's EAN, the grid and four relays") {
  Reading r = minimal();
  r.time = utc("2024-02-12T17:17:42Z");
  const std::string old = sealed("be", identity(R"(/FLU5\253000000_A)", "50217"), r);
  const std::string ean = sealed("be", identity(R"(/FLU5\253000000_A)", "50218"), r);
  const std::string grid = sealed("be", identity(R"(/FLU5\253000000_A)", "50221"), r);
  CHECK(old.find("0-0:96.1.2") == std::string::npos);
  CHECK(ean.find("0-0:96.1.2(353431343438303030303030303030303031)\r\n") != std::string::npos);
  CHECK(ean.find("94.32.1") == std::string::npos);
  CHECK(grid.find("1-0:94.32.1(400)\r\n") != std::string::npos);
  CHECK(grid.find("0-4:96.3.10(1)\r\n") != std::string::npos);
}

TEST_CASE("twin vector E: Luxembourg") {
  Reading r;
  r.time = utc("2024-06-01T18:30:10Z");
  r.phases = 1;
  r.serial = "SAG1030000000001";
  r.import_total_wh = 7'654'321;
  r.export_total_wh = 12'345;
  r.reactive_import_total_varh = 234'500;
  r.reactive_export_total_varh = 67'890;
  r.power_w = 815;
  r.reactive_var = 112;
  r.failures = 5;
  r.mbus = {{1, MbusType::gas, "FLO0000000001", utc("2024-06-01T18:00:00Z"), 412'006}};
  MeterIdentity id = identity(R"(/Lux5\253000000_D)", "42");
  id.omit = {"1-0:32.32.0", "1-0:32.36.0", "0-0:96.13.3", "0-0:96.13.4", "0-0:96.13.5", "1-0:32.7.0",
             "1-0:31.7.0",  "1-0:21.7.0",  "1-0:22.7.0",  "1-0:23.7.0",  "1-0:24.7.0"};
  const std::string text = sealed("lu", id, r);
  CHECK(text == wire(R"(/Lux5\253000000_D

1-3:0.2.8(42)
0-0:1.0.0(240601203010S)
0-0:42.0.0(53414731303330303030303030303031)
1-0:1.8.0(007654.321*kWh)
1-0:2.8.0(000012.345*kWh)
1-0:3.8.0(000234.500*kvarh)
1-0:4.8.0(000067.890*kvarh)
1-0:1.7.0(00.815*kW)
1-0:2.7.0(00.000*kW)
1-0:3.7.0(00.112*kvar)
1-0:4.7.0(00.000*kvar)
0-0:17.0.0(27.600*kVA)
1-0:9.7.0(00.823*kVA)
1-0:10.7.0(00.000*kVA)
1-1:31.4.0(040*A)(-040*A)
0-0:96.3.10(1)
0-1:96.3.10(0)
0-2:96.3.10(0)
0-0:96.7.21(00005)
0-0:96.13.0()
0-0:96.13.2()
0-1:24.1.0(003)
0-1:96.1.0(464C4F30303030303030303031)
0-1:24.2.1(240601200000S)(00412.006*m3)
0-1:24.4.0(1)
!BD51
)"));
  CHECK(text.size() == 628);
}

TEST_CASE("twin vector G: Sweden, winter time in July, leading zeros in the checksum") {
  Reading r;
  r.time = utc("2024-07-15T12:30:00Z");
  r.phases = 3;
  r.import_total_wh = 12'345'678;
  r.export_total_wh = 321'987;
  r.reactive_import_total_varh = 45'600;
  r.reactive_export_total_varh = 789'001;
  r.power_w = 1498;
  r.reactive_var = -233;
  r.phase_power_w = {301, 1100, 97};
  r.phase_reactive_var = {-80, -100, -53};
  r.voltage_dv = {2319, 2324, 2308};
  r.current_ma = {1400, 4800, 500};
  MeterIdentity id = identity("/TST5SE-SIM");
  id.omit = {"1-0:43.7.0", "1-0:44.7.0", "1-0:63.7.0", "1-0:64.7.0"};
  const std::string text = sealed("se", id, r);
  CHECK(text == wire(R"(/TST5SE-SIM

0-0:1.0.0(240715133000W)
1-0:1.8.0(00012345.678*kWh)
1-0:2.8.0(00000321.987*kWh)
1-0:3.8.0(00000045.600*kVArh)
1-0:4.8.0(00000789.001*kVArh)
1-0:1.7.0(0001.498*kW)
1-0:2.7.0(0000.000*kW)
1-0:3.7.0(0000.000*kVAr)
1-0:4.7.0(0000.233*kVAr)
1-0:21.7.0(0000.301*kW)
1-0:22.7.0(0000.000*kW)
1-0:41.7.0(0001.100*kW)
1-0:42.7.0(0000.000*kW)
1-0:61.7.0(0000.097*kW)
1-0:62.7.0(0000.000*kW)
1-0:23.7.0(0000.000*kVAr)
1-0:24.7.0(0000.080*kVAr)
1-0:32.7.0(231.9*V)
1-0:52.7.0(232.4*V)
1-0:72.7.0(230.8*V)
1-0:31.7.0(001.4*A)
1-0:51.7.0(004.8*A)
1-0:71.7.0(000.5*A)
!00AA
)"));
  CHECK(text.size() == 598);
}

TEST_CASE("twin vector H: Austria in plain watts") {
  Reading r;
  r.time = utc("2024-01-02T02:04:05Z");
  r.import_total_wh = 1'234'567;
  r.export_total_wh = 58;
  r.reactive_import_total_varh = 747;
  r.power_w = 286;
  r.reactive_var = -166;
  MeterIdentity id = identity(R"(/EST5\253000000_A)", "50");
  const std::string whole = sealed("at", id, r);
  CHECK(std::count(whole.begin(), whole.end(), '(') == 18);
  id.omit = {"1-0:1.8.1", "1-0:1.8.2", "1-0:2.8.1", "1-0:2.8.2", "1-0:2.7.0", "1-0:3.8.1",
             "1-0:3.8.2", "1-0:3.7.0", "1-0:4.8.0", "1-0:4.8.1", "1-0:4.8.2"};
  CHECK(sealed("at", id, r) == wire(R"(/EST5\253000000_A

1-3:0.2.8(50)
0-0:1.0.0(240102030405W)
1-0:1.8.0(001234567*Wh)
1-0:1.7.0(000000286*W)
1-0:2.8.0(000000058*Wh)
1-0:3.8.0(000000747*varh)
1-0:4.7.0(000000166*var)
!1A0B
)"));
}

TEST_CASE("twin vector I: Hungary's lines in their order") {
  Reading r;
  r.time = utc("2024-07-10T06:30:00Z");
  r.phases = 1;
  r.serial = "0001";
  r.import_total_wh = 173'640;
  r.export_total_wh = 627'177;
  r.import_wh = {47'719, 125'921, 0, 0};
  r.power_w = -1642;
  r.reactive_var = -504;
  r.frequency_chz = 5002;
  r.snapshot.stamp = utc("2024-06-30T22:00:00Z");
  r.snapshot.import_wh = {8'950, 31'827, 0, 0};
  r.snapshot.import_peak_w = {3'564, 2'156, 0, 0};
  const std::string text = sealed("hu", identity("/TST5HU-SIM"), r);
  std::size_t at = 0;
  for (const char* line :
       {"/TST5HU-SIM", "0-0:1.0.0(240710083000S)", "0-0:42.0.0(5453543030303031)", "0-0:96.1.0(30303031)",
        "0-0:96.14.0(0001)", "0-0:96.3.10(1)", "0-0:17.0.0(90.000*kW)", "1-0:1.8.0(000173.640*kWh)",
        "1-0:1.8.1(000047.719*kWh)", "1-0:15.8.0(000800.817*kWh)", "1-0:13.7.0(0.956)", "1-0:14.7.0(50.02*Hz)",
        "1-0:7.7.0(00.504*kvar)", "1-0:31.4.0(200.00*A)"}) {
    INFO(line);
    const std::size_t found = text.find(std::string{line} + "\r\n", at);
    CHECK(found != std::string::npos);
    at = found == std::string::npos ? at : found;
  }
  CHECK(
      text.find(
          "0-0:98.1.0(240701000000S)(000040.777*kWh)(000008.950*kWh)(000031.827*kWh)(000000.000*kWh)(000000.000*kWh)"
          "(000000.000*kWh)(000000.000*kvarh)(000000.000*kvarh)(000000.000*kvarh)(000000.000*kvarh)(000000.000*kvarh)"
          "(000000.000*kvarh)(000040.777*kWh)(03.564*kW)(03.564*kW)(02.156*kW)(00.000*kW)(00.000*kW)(00.000*kW)\r\n") !=
      std::string::npos);
}

TEST_CASE("twin: Lithuania's lists grow from standard to maximum") {
  Reading r;
  r.time = utc("2024-02-14T08:20:15Z");
  r.phases = 3;
  r.serial = "LGZ0000000001";
  r.import_wh = {1, 2, 3, 4};
  r.average = {300, 324, 0, 0, 0, 0};
  MeterIdentity id = identity(R"(/ESO5\VSIM-30)");
  const std::string standard = sealed("lt", id, r);
  id.list = MeterIdentity::List::extended;
  const std::string extended = sealed("lt", id, r);
  id.list = MeterIdentity::List::maximum;
  const std::string maximum = sealed("lt", id, r);
  CHECK(standard.find("0-0:1.0.0(240214102015W)\r\n") != std::string::npos);
  CHECK(standard.find("1-0:1.8.4(000000.004*kWh)\r\n") != std::string::npos);
  CHECK(standard.find("1-0:14.7.0") == std::string::npos);
  CHECK(extended.find("1-0:14.7.0(50.00*Hz)\r\n") != std::string::npos);
  CHECK(extended.find("1-0:16.24.0") == std::string::npos);
  CHECK(maximum.find("1-0:16.24.0(-00.024*kW)\r\n") != std::string::npos);
  CHECK(maximum.find("1-0:0.8.2(00900*s)\r\n") != std::string::npos);
}

TEST_CASE("twin: the single-phase meter has no lines of l2 and l3") {
  for (const char* dialect : {"nl4", "nl5", "be", "lu", "se", "hu", "lt"}) {
    INFO(dialect);
    Reading r = minimal();
    r.time = utc("2024-02-14T08:20:15Z");
    const std::string text = sealed(dialect, identity("/TST5X"), r);
    for (const char* code : {"1-0:41.7.0", "1-0:62.7.0", "1-0:52.7.0", "1-0:71.7.0", "1-0:52.32.0", "1-0:72.36.0"})
      CHECK(text.find(code) == std::string::npos);
  }
}

TEST_CASE("twin truth: what is printed, as it is printed") {
  Reading r = minimal();
  r.time = utc("2024-01-15T13:00:00Z");
  r.power_w = 1234;
  r.current_ma = {5394, 0, 0};
  r.voltage_dv = {2287, 0, 0};
  r.import_wh = {1'234'567'890'123, 0, 0, 0};
  r.mbus = {{2, MbusType::heat, "HEA0000001", utc("2024-01-15T12:00:00Z"), 42'179}, {3, MbusType::gas, "", kNever, 0}};
  const MeterClock clock{"Europe/Amsterdam"};

  const Telegram old = write_telegram(*find_dialect("nl2"), clock, identity("/TST3X"), r);
  CHECK(old.body.find("1-0:1.7.0(0001.23*kW)") != std::string::npos);
  CHECK(find(old, "total", "active_power_import")->value == 1230);
  CHECK(old.body.find("1-0:1.8.1(67890.123*kWh)") != std::string::npos);  // a register rolls over
  CHECK(find(old, "t1", "active_energy_import")->value == 67'890'123);

  const Telegram now = write_telegram(*find_dialect("nl5"), clock, identity("/TST5X", "50"), r);
  CHECK(find(now, "total", "active_power_import")->value == 1234);
  CHECK(find(now, "l1", "voltage")->value == 228.7);
  CHECK(find(now, "l1", "current")->value == 5);
  CHECK(now.body.find("0-2:24.2.1(240115130000W)(0042.17*GJ)") != std::string::npos);
  CHECK(find(now, "mbus2", "thermal_energy_heat")->value == 42.17);
  CHECK(find(now, "mbus2", "thermal_energy_heat")->time == utc("2024-01-15T12:00:00Z"));
  CHECK(find(now, "mbus3", "gas_volume") == nullptr);
  CHECK(find(now, "mbus3", "device_type") == nullptr);

  MeterIdentity fine = identity("/TST5X", "50");
  fine.current_decimals = 2;
  const Telegram newer = write_telegram(*find_dialect("nl5"), clock, fine, r);
  CHECK(newer.body.find("1-0:31.7.0(005.39*A)") != std::string::npos);
  CHECK(find(newer, "l1", "current")->value == 5.39);

  MeterIdentity without = identity("/TST5X", "50");
  without.omit = {"1-0:1.7.0"};
  const Telegram less = write_telegram(*find_dialect("nl5"), clock, without, r);
  CHECK(less.body.find("1-0:1.7.0") == std::string::npos);
  CHECK(find(less, "total", "active_power_import") == nullptr);
}

TEST_CASE("twin cipher: vector F encrypted, byte for byte") {
  const std::string plain = wire(
      "/Lux5\\SIM\n\n1-3:0.2.8(42)\n0-0:1.0.0(240601203010S)\n1-0:1.8.0(007654.321*kWh)\n1-0:1.7.0(00.815*kW)\n!"
      "8BD8\n");
  REQUIRE(plain.size() == 110);
  CHECK(seal(plain.substr(0, plain.size() - 7), CrcStyle::padded) == plain);
  const std::string frame = encrypt(plain, key<16>("000102030405060708090A0B0C0D0E0F"),
                                    key<16>("00112233445566778899AABBCCDDEEFF"), key<8>("53494D0000000001"), 0x2A);
  CHECK(frame.size() == 138);
  CHECK(hex(frame) ==
        "DB0853494D00000000017F300000002A49B8AD7DF54B38B3AD01CE8EF59793113EA1C1DDCCF3A418C1D3213778E9FA21BE0D42D0"
        "4125BA71415E58AEB716F3B0E1737272F21285C0DADAAD94F362D26A82066D6D61ED2BD30DD7F8F89A33BCD4CF922071AFBB5FEE"
        "C1BA4FA5771B6F736B81227D530CCFA1D36429D22D814951374D4950F178A9B8A55C");
}

TEST_CASE("twin cipher: vector H encrypted has the two-byte length form") {
  const std::string plain = wire(R"(/EST5\253000000_A

1-3:0.2.8(50)
0-0:1.0.0(240102030405W)
1-0:1.8.0(001234567*Wh)
1-0:1.7.0(000000286*W)
1-0:2.8.0(000000058*Wh)
1-0:3.8.0(000000747*varh)
1-0:4.7.0(000000166*var)
!1A0B
)");
  const std::string frame = encrypt(plain, key<16>("0F0E0D0C0B0A09080706050403020100"),
                                    key<16>("F0E1D2C3B4A5968778695A4B3C2D1E0F"), key<8>("5341473500000007"), 0x100);
  CHECK(hex(frame) ==
        "DB08534147350000000781D530000001001C2DD6A48939408774CA0C90949AA9B1CEC34A70B0FAB848DEE0F24C906C8FBFBE2087"
        "CA4121483B1A7AE36DDE68AAF81F1C242BC7BAC84357CB13C35CBFBFE35D9050585B069B7989DFEA3BE82C2589FBEC0A55B063A4"
        "333E7E45E7A83A3A44B6F2C6F670BCA2E3DF1CF2DD94332F965CB829B5507A175C73CC4A058436A55FB6A4EE23E1A40610D549A8"
        "0A9EBFF0C036D2DD2107D585820B830C0005A788F60770758E19EBCF9EE505A50DB83FCD67E593D60E23302353F9D59982ECEE86"
        "D4A80F15340F3B31B107BC05B83429947F");
}

TEST_CASE("twin cipher: long telegrams have a three-byte length") {
  const std::string frame = encrypt(std::string(628, 'x'), {}, {}, {}, 0x2B);
  CHECK(frame.size() == 658);
  CHECK(hex(frame.substr(10, 3)) == "820285");
  CHECK_THROWS_AS(encrypt(std::string(65'519, 'x'), {}, {}, {}, 1), std::invalid_argument);
}

TEST_CASE("twin clock: stamps through both changes of the hour") {
  const MeterClock amsterdam{"Europe/Amsterdam"};
  CHECK(amsterdam.stamp(utc("2025-10-26T00:59:58Z")) == "251026025958S");
  CHECK(amsterdam.stamp(utc("2025-10-26T00:59:59Z")) == "251026025959S");
  CHECK(amsterdam.stamp(utc("2025-10-26T01:00:00Z")) == "251026020000W");
  CHECK(amsterdam.stamp(utc("2026-03-29T00:59:59Z")) == "260329015959W");
  CHECK(amsterdam.stamp(utc("2026-03-29T01:00:00Z")) == "260329030000S");
  CHECK(MeterClock{"Etc/GMT-1"}.stamp(utc("2024-07-15T12:30:00Z")) == "240715133000W");
  CHECK(MeterClock{"Europe/Vilnius"}.stamp(utc("2024-02-14T08:20:15Z")) == "240214102015W");
  CHECK(amsterdam.stamp(kNever) == "632525252525W");
  CHECK_THROWS_WITH(MeterClock{"Europe/Atlantis"},
                    "zone: expected an IANA zone such as Europe/Brussels, got 'Europe/Atlantis'");
}
