// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual meter as the host sees it: what it sends when, what each fault changes, and the truth beside it.
#include "virtual_meter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "virtual_house/parse.hpp"

using namespace mesura::dsmr_p1;
using mesura::virtual_house::parse_utc;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t utc_ns(std::string_view text) { return parse_utc(text).value() * kSecond; }

/// Options as a user configures them.
class OptionSet {
 public:
  using Entries = std::vector<std::pair<std::string, std::string>>;

  OptionSet& text(std::string name, std::string value) {
    items_.push_back({std::move(name), MESURA_OPTION_TEXT, std::move(value), 0, 0, {}});
    return *this;
  }
  OptionSet& integer(std::string name, std::int64_t value, std::uint32_t type = MESURA_OPTION_INTEGER) {
    items_.push_back({std::move(name), type, {}, value, 0, {}});
    return *this;
  }
  OptionSet& on(std::string name) { return integer(std::move(name), 1, MESURA_OPTION_BOOL); }
  OptionSet& seconds(std::string name, std::int64_t value) {
    return integer(std::move(name), value * kSecond, MESURA_OPTION_DURATION);
  }
  OptionSet& number(std::string name, double value) {
    items_.push_back({std::move(name), MESURA_OPTION_NUMBER, {}, 0, value, {}});
    return *this;
  }
  OptionSet& map(std::string name, Entries entries) {
    items_.push_back({std::move(name), MESURA_OPTION_MAP, {}, 0, 0, std::move(entries)});
    return *this;
  }
  OptionSet& list(std::string name, const std::vector<std::string>& values) {
    Entries entries;
    for (const std::string& v : values) entries.emplace_back("", v);
    items_.push_back({std::move(name), MESURA_OPTION_LIST, {}, 0, 0, std::move(entries)});
    return *this;
  }

  /// Hands `use` the options as the host would.
  template <class F>
  void with(F&& use) const {
    std::vector<mesura_option> options;
    std::deque<std::vector<mesura_option_entry>> lists;
    for (const Item& item : items_) {
      std::vector<mesura_option_entry>& list = lists.emplace_back();
      for (const auto& [key, value] : item.entries) list.push_back({mesura::abi::str(key), mesura::abi::str(value)});
      mesura_option& o = options.emplace_back();
      o.struct_size = sizeof o;
      o.type = item.type;
      o.name = mesura::abi::str(item.name);
      o.text = mesura::abi::str(item.text);
      o.integer = item.integer;
      o.number = item.number;
      o.entries = list.data();
      o.entry_count = list.size();
    }
    use(mesura::Options{options.data(), options.size()});
  }

 private:
  struct Item {
    std::string name;
    std::uint32_t type;
    std::string text;
    std::int64_t integer;
    double number;
    Entries entries;
  };
  std::vector<Item> items_;
};

struct Emitted {
  std::string series;  // channel/quantity
  double value;
  std::int64_t time_ns;
};

/// A host with one open link and a clock that jumps from timer to timer.
class Rig {
 public:
  explicit Rig(const OptionSet& options, std::string_view start = "2024-02-12T17:00:00Z", std::uint32_t index = 0)
      : now_(utc_ns(start)) {
    api_.struct_size = sizeof api_;
    api_.abi_major = MESURA_ABI_MAJOR;
    api_.series = [](mesura_host* h, const mesura_series_info* s) { return of(h).add_series(*s); };
    api_.emit = [](mesura_host* h, const mesura_batch* b) { of(h).take(*b); };
    api_.send = [](mesura_host* h, std::uint32_t link, mesura_bytes bytes, mesura_str) {
      return of(h).send(link, bytes);
    };
    api_.arm = [](mesura_host* h, std::uint32_t timer, std::int64_t delay) { of(h).arm(timer, delay); };
    api_.close = [](mesura_host* h, std::uint32_t) { of(h).closed = true; };
    api_.reopen = [](mesura_host* h, std::uint32_t, mesura_str) { ++of(h).reopened; };
    api_.log = [](mesura_host* h, std::uint32_t, mesura_str text) {
      of(h).logged.emplace_back(mesura::abi::view(text));
    };
    options.with([&](const mesura::Options& o) {
      const mesura::SessionInfo info{"twin", o, now_, true, index, "America/New_York"};
      meter_.emplace(mesura::Host{reinterpret_cast<mesura_host*>(this), &api_}, info);
    });
  }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  Rig& open() {
    meter_->on_open(0, now_);
    return *this;
  }
  /// Fires timers until `count` telegrams went out, or the meter has nothing more to do.
  Rig& run(std::size_t count) {
    const std::size_t goal = frames.size() + count;
    while (frames.size() < goal && fire()) {
    }
    return *this;
  }
  /// Fires the armed timer, `late_ns` after its time.
  bool fire(std::int64_t late_ns = 0) {
    if (!due_) return false;
    now_ = std::max(now_, *due_) + late_ns;
    due_.reset();
    frame_.clear();
    const std::size_t before = emitted.size();
    meter_->on_timer(0, now_);
    if (frame_.empty()) return true;
    frames.push_back(frame_);
    truthful.push_back(emitted.size() > before);
    return true;
  }
  void close_link(std::int64_t for_ns) {
    meter_->on_close(0, now_, "test", false);
    now_ += for_ns;
  }
  [[nodiscard]] std::string stream() const {
    std::string all;
    for (const std::string& f : frames) all += f;
    return all;
  }
  /// The latest value of a series, or nothing.
  [[nodiscard]] std::optional<double> last(std::string_view series) const {
    for (auto e = emitted.rbegin(); e != emitted.rend(); ++e)
      if (e->series == series) return e->value;
    return std::nullopt;
  }
  [[nodiscard]] std::size_t count(std::string_view series) const {
    return static_cast<std::size_t>(
        std::count_if(emitted.begin(), emitted.end(), [&](const Emitted& e) { return e.series == series; }));
  }
  [[nodiscard]] std::int64_t now() const { return now_; }
  [[nodiscard]] bool armed() const { return due_.has_value(); }
  [[nodiscard]] std::int64_t due() const { return due_.value(); }

  std::vector<std::string> frames;  // the bytes of each telegram
  std::vector<std::size_t> pieces;  // sizes of the single sends
  std::vector<bool> truthful;       // whether frame i came with truth
  std::vector<Emitted> emitted;
  std::vector<std::string> logged;
  bool closed = false;
  bool refuses = false;  // sends fail
  int reopened = 0;

 private:
  static Rig& of(mesura_host* h) { return *reinterpret_cast<Rig*>(h); }

  std::uint32_t add_series(const mesura_series_info& s) {
    series_.push_back(std::string{mesura::abi::view(s.channel)} + "/" + std::string{mesura::abi::view(s.quantity)});
    return static_cast<std::uint32_t>(series_.size() - 1);
  }
  void take(const mesura_batch& batch) {
    for (std::uint32_t i = 0; i < batch.count; ++i) {
      const mesura_measurement& m = batch.items[i];
      emitted.push_back({series_.at(m.series), m.number, m.time_ns == MESURA_NO_TIME ? batch.time_ns : m.time_ns});
    }
  }
  std::int32_t send(std::uint32_t link, mesura_bytes bytes) {
    REQUIRE(link == 0);
    if (refuses) return -1;
    frame_.append(reinterpret_cast<const char*>(bytes.data), bytes.size);
    pieces.push_back(bytes.size);
    return 0;
  }
  void arm(std::uint32_t timer, std::int64_t delay) {
    REQUIRE(timer == 0);
    due_.reset();
    if (delay >= 0) due_ = now_ + delay;
  }

  mesura_host_api api_{};
  std::int64_t now_;
  std::optional<std::int64_t> due_;
  std::vector<std::string> series_;
  std::string frame_;
  std::optional<VirtualMeter> meter_;
};

std::vector<std::string> run_frames(const OptionSet& options, std::size_t count = 40) {
  Rig rig{options};
  return rig.open().run(count).frames;
}

std::string line_of(const std::string& frame, const std::string& code) {
  const std::size_t at = frame.find("\n" + code + "(");
  if (at == std::string::npos) return {};
  return frame.substr(at + 1, frame.find('\r', at) - at - 1);
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("twin meter: telegrams on the interval's grid, whenever it starts and however late timers are") {
  Rig rig{OptionSet{}.text("dialect", "nl4").text("profile", "flat"), "2024-02-12T17:00:03Z"};
  rig.open();
  CHECK(rig.due() == utc_ns("2024-02-12T17:00:10Z"));
  rig.fire(3'000'000);
  CHECK(line_of(rig.frames[0], "0-0:1.0.0") == "0-0:1.0.0(240212180010W)");
  CHECK(rig.due() == utc_ns("2024-02-12T17:00:20Z"));
  // A host that hangs for 25 s gets the missed telegrams back to back.
  rig.fire(25 * kSecond);
  CHECK(rig.due() == rig.now());
  rig.fire();
  rig.fire();
  CHECK(line_of(rig.frames[1], "0-0:1.0.0") == "0-0:1.0.0(240212180020W)");
  CHECK(line_of(rig.frames[2], "0-0:1.0.0") == "0-0:1.0.0(240212180030W)");
  CHECK(line_of(rig.frames[3], "0-0:1.0.0") == "0-0:1.0.0(240212180040W)");
  CHECK(rig.due() == utc_ns("2024-02-12T17:00:50Z"));
}

TEST_CASE("twin meter: an overridden interval, and a first telegram at once when the start is on the grid") {
  Rig rig{OptionSet{}.text("dialect", "nl5").seconds("interval", 10)};
  rig.open();
  CHECK(rig.due() == utc_ns("2024-02-12T17:00:00Z"));
  rig.run(3);
  CHECK(line_of(rig.frames[2], "0-0:1.0.0") == "0-0:1.0.0(240212180020W)");
}

TEST_CASE("twin meter: after a closed link it sends the present, and has measured meanwhile") {
  Rig rig{OptionSet{}
              .text("dialect", "nl5")
              .text("profile", "constant:3600")
              .map("registers", {{"import_t2", "1000.000kWh"}})};
  rig.open().run(1);
  CHECK(line_of(rig.frames[0], "1-0:1.8.2") == "1-0:1.8.2(001000.000*kWh)");
  rig.close_link(100 * kSecond + 1);
  CHECK_FALSE(rig.armed());
  rig.open().run(1);
  CHECK(line_of(rig.frames[1], "0-0:1.0.0") == "0-0:1.0.0(240212180141W)");
  CHECK(line_of(rig.frames[1], "1-0:1.8.2") == "1-0:1.8.2(001000.101*kWh)");
}

TEST_CASE("twin meter: scenario S1 on the wire") {
  Rig rig{OptionSet{}
              .text("dialect", "be")
              .integer("phases", 1)
              .text("profile", "quarter:1600,4800,800,2400")
              .map("registers", {{"import_t1", "1000.000kWh"}})
              .text("month_peak", "4216W@2024-02-05T16:45:00Z")
              .list("peak_history", {"2023-10=3918W@2023-10-31T18:30:00Z", "2023-11=none"})};
  rig.open().run(3601);
  const auto at = [&](std::size_t second, const char* code) { return line_of(rig.frames.at(second), code); };
  CHECK(at(0, "1-0:1.8.1") == "1-0:1.8.1(001000.000*kWh)");
  CHECK(at(0, "0-0:98.1.0") ==
        "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(231101000000W)(231031193000W)(03.918*kW)(231201000000W)(632525252525W)(00."
        "000*kW)");
  CHECK(at(900, "0-0:1.0.0") == "0-0:1.0.0(240212181500W)");
  CHECK(at(900, "1-0:1.8.1") == "1-0:1.8.1(001000.400*kWh)");
  CHECK(at(900, "1-0:1.4.0") == "1-0:1.4.0(00.000*kW)");
  CHECK(at(900, "1-0:1.6.0") == "1-0:1.6.0(240205174500W)(04.216*kW)");
  CHECK(at(1200, "1-0:1.8.1") == "1-0:1.8.1(001000.800*kWh)");
  CHECK(at(1200, "1-0:1.4.0") == "1-0:1.4.0(01.600*kW)");
  CHECK(at(1799, "1-0:1.6.0") == "1-0:1.6.0(240205174500W)(04.216*kW)");
  CHECK(at(1800, "1-0:1.8.1") == "1-0:1.8.1(001001.600*kWh)");
  CHECK(at(1800, "1-0:1.6.0") == "1-0:1.6.0(240212183000W)(04.800*kW)");
  CHECK(at(2700, "1-0:1.8.1") == "1-0:1.8.1(001001.800*kWh)");
  CHECK(at(3600, "1-0:1.8.1") == "1-0:1.8.1(001002.400*kWh)");
  CHECK(at(3600, "1-0:1.6.0") == "1-0:1.6.0(240212183000W)(04.800*kW)");
  CHECK(rig.last("total/active_demand_import_month_max") == 4800);
  CHECK(rig.count("total/active_demand_import_month_max") == 3);  // October's, 4216 W, 4800 W: each once
}

TEST_CASE("twin meter: month end on the wire") {
  Rig rig{OptionSet{}.text("dialect", "be").text("profile", "quarter:5000,1000").list("peak_history", {}),
          "2024-02-29T22:45:00Z"};
  rig.open().run(901);
  const std::string& last = rig.frames.back();
  CHECK(line_of(last, "0-0:1.0.0") == "0-0:1.0.0(240301000000W)");
  CHECK(line_of(last, "0-0:98.1.0") == "0-0:98.1.0(1)(1-0:1.6.0)(1-0:1.6.0)(240301000000W)(240301000000W)(05.000*kW)");
  CHECK(line_of(last, "1-0:1.6.0") == "1-0:1.6.0(632525252525W)(00.000*kW)");
}

TEST_CASE("twin meter: both changes of the hour, whatever the host's zone") {
  Rig autumn{OptionSet{}.text("profile", "flat"), "2025-10-26T00:59:58Z"};
  autumn.open().run(4);
  CHECK(line_of(autumn.frames[0], "0-0:1.0.0") == "0-0:1.0.0(251026025958S)");
  CHECK(line_of(autumn.frames[1], "0-0:1.0.0") == "0-0:1.0.0(251026025959S)");
  CHECK(line_of(autumn.frames[2], "0-0:1.0.0") == "0-0:1.0.0(251026020000W)");
  CHECK(line_of(autumn.frames[3], "0-0:1.0.0") == "0-0:1.0.0(251026020001W)");
  Rig spring{OptionSet{}.text("profile", "flat"), "2026-03-29T00:59:58Z"};
  spring.open().run(3);
  CHECK(line_of(spring.frames[1], "0-0:1.0.0") == "0-0:1.0.0(260329015959W)");
  CHECK(line_of(spring.frames[2], "0-0:1.0.0") == "0-0:1.0.0(260329030000S)");
  Rig sweden{OptionSet{}.text("dialect", "se"), "2024-07-15T12:30:00Z"};
  CHECK(line_of(sweden.open().run(1).frames[0], "0-0:1.0.0") == "0-0:1.0.0(240715133000W)");
}

TEST_CASE("twin meter: profile count shows the telegram's number") {
  Rig rig{OptionSet{}.text("dialect", "nl4").text("profile", "count").integer("phases", 3).map("registers", {})};
  rig.open().run(10'002);
  CHECK(line_of(rig.frames[0], "1-0:1.7.0") == "1-0:1.7.0(00.000*kW)");
  CHECK(line_of(rig.frames[1234], "1-0:1.7.0") == "1-0:1.7.0(01.234*kW)");
  CHECK(line_of(rig.frames[1234], "1-0:21.7.0") == "1-0:21.7.0(00.412*kW)");
  CHECK(line_of(rig.frames[1234], "1-0:61.7.0") == "1-0:61.7.0(00.411*kW)");
  CHECK(line_of(rig.frames[9999], "1-0:1.7.0") == "1-0:1.7.0(09.999*kW)");
  CHECK(line_of(rig.frames[10'000], "1-0:1.7.0") == "1-0:1.7.0(00.000*kW)");
  // 10 s at each of 0..9999 W.
  CHECK(*rig.last("t1/active_energy_import") + *rig.last("t2/active_energy_import") ==
        Approx(9999.0 * 10000 / 2 * 10 / 3600).margin(2));
}

TEST_CASE("twin meter: every dialect writes a telegram whose checksum fits, at its own pace") {
  struct Row {
    const char* dialect;
    std::int64_t interval;
  };
  for (const Row& row : {Row{"nl2", 10}, Row{"nl4", 10}, Row{"nl5", 1}, Row{"be", 1}, Row{"lu", 10}, Row{"at", 5},
                         Row{"se", 10}, Row{"hu", 10}, Row{"lt", 10}}) {
    INFO(row.dialect);
    Rig rig{OptionSet{}.text("dialect", row.dialect).integer("pv", 3000), "2024-06-10T11:00:00Z"};
    rig.open().run(2);
    CHECK(rig.due() - rig.now() == row.interval * kSecond);
    for (const std::string& frame : rig.frames) {
      const std::size_t end = frame.rfind('!') + 1;
      const bool plain = std::string_view{row.dialect} == "nl2";
      CHECK(frame.substr(end) == (plain ? "\r\n" : fmt::format("{:04X}\r\n", twin::arc(frame.substr(0, end)))));
      CHECK(frame.size() < 2000);
    }
    CHECK(rig.last("total/active_power_import").has_value());
  }
}

TEST_CASE("twin meter: same seed, same bytes, another seed, others") {
  const auto faulty = [](std::int64_t seed) {
    return OptionSet{}.integer("seed", seed).on("noise").number("bitflip", 1e-3).number("truncate", 0.1);
  };
  CHECK(run_frames(faulty(5), 200) == run_frames(faulty(5), 200));
  CHECK(run_frames(faulty(5), 200) != run_frames(faulty(6), 200));
  // One of several meters is a meter of its own.
  Rig second{OptionSet{}.text("dialect", "nl5"), "2024-02-12T17:00:00Z", 1};
  CHECK(line_of(second.open().run(1).frames[0], "0-0:96.1.1") == "0-0:96.1.1(54455354303030303030303034)");
}

TEST_CASE("twin meter: the truth is what the telegram says") {
  Rig rig{OptionSet{}.text("dialect", "be").text("profile", "constant:1234").integer("phases", 3),
          "2024-02-12T17:00:07Z"};
  rig.open().run(1);
  CHECK(rig.last("total/active_power_import") == 1234);
  CHECK(rig.last("total/active_power_export") == 0);
  CHECK(rig.last("l1/active_power_import") == 412);
  CHECK(rig.last("l2/active_power_import") == 411);
  CHECK(rig.last("total/tariff_indicator") == 1);
  CHECK(rig.last("mbus1/gas_volume") == 876.543);
  for (const Emitted& e : rig.emitted) {
    INFO(e.series);
    const bool own_time = has(e.series, "_volume") || has(e.series, "month_max");
    CHECK((e.time_ns == utc_ns("2024-02-12T17:00:07Z")) == !own_time);
  }
  const double voltage = *rig.last("l2/voltage");
  CHECK(line_of(rig.frames[0], "1-0:52.7.0") == fmt::format("1-0:52.7.0({:05.1f}*V)", voltage));
  // Readings with a stamp of their own, and states, come when they are new.
  CHECK(rig.count("total/tariff_indicator") == 1);
  CHECK(rig.count("mbus2/device_type") == 1);
  rig.run(292);
  CHECK(rig.count("mbus1/gas_volume") == 1);
  rig.run(1);
  CHECK(rig.count("mbus1/gas_volume") == 2);
  CHECK(rig.count("total/active_power_import") == 294);
  CHECK(rig.count("total/tariff_indicator") == 1);
}

TEST_CASE("twin meter: a tariff switch is news") {
  Rig rig{OptionSet{}.text("profile", "flat"), "2024-02-12T05:59:58Z"};
  rig.open().run(2);
  CHECK(rig.last("total/tariff_indicator") == 1);
  rig.run(5);
  CHECK(rig.last("total/tariff_indicator") == 2);
  CHECK(rig.count("total/tariff_indicator") == 2);
}

TEST_CASE("twin meter: what the host does not take was not sent") {
  Rig rig{OptionSet{}};
  rig.refuses = true;
  rig.open().fire();
  CHECK(rig.emitted.empty());
  rig.refuses = false;
  rig.fire();
  CHECK(rig.count("total/active_power_import") == 1);
}

TEST_CASE("twin fault: noise stands before telegrams and changes none") {
  const auto clean = run_frames(OptionSet{});
  Rig rig{OptionSet{}.on("noise")};
  rig.open().run(40);
  for (std::size_t i = 0; i < clean.size(); ++i) {
    CHECK(rig.frames[i].ends_with(clean[i]));
    const std::string noise = rig.frames[i].substr(0, rig.frames[i].size() - clean[i].size());
    CHECK(noise.size() >= 1);
    CHECK(noise.size() <= 64);
    CHECK(noise.find_first_of("/!\xAF\xA1\xDB") == std::string::npos);
    CHECK(rig.truthful[i]);
  }
}

TEST_CASE("twin fault: bit flips change single bits, and what they spoil has no truth") {
  const auto clean = run_frames(OptionSet{}, 500);
  Rig rig{OptionSet{}.number("bitflip", 1e-3)};
  rig.open().run(500);
  int flips = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    REQUIRE(rig.frames[i].size() == clean[i].size());
    int here = 0;
    for (std::size_t b = 0; b < clean[i].size(); ++b) {
      const auto difference = static_cast<unsigned char>(rig.frames[i][b] ^ clean[i][b]);
      CHECK(std::popcount(difference) <= 1);
      here += difference != 0 ? 1 : 0;
    }
    // A flip behind the checksum, or of the case of its letters, spoils nothing.
    const std::size_t end = clean[i].find('!');
    if (rig.frames[i].substr(0, end) != clean[i].substr(0, end) && rig.frames[i][0] == '/')
      CHECK_FALSE(rig.truthful[i]);
    if (here == 0) CHECK(rig.truthful[i]);
    flips += here;
    bytes += clean[i].size();
  }
  CHECK(flips > static_cast<int>(bytes / 1250));
  CHECK(flips < static_cast<int>(bytes / 800));
}

TEST_CASE("twin fault: harmless bit flips keep their truth") {
  const std::string frame = twin::seal("/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n", twin::CrcStyle::padded);
  twin::LineFaults faults;
  faults.bitflip = 0.01;
  int harmless = 0;
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    twin::FaultyLine line{faults, seed};
    const auto result = line.carry(frame);
    if (result.bytes == frame || result.spoilt) continue;
    ++harmless;
    // Behind the four digits, a digit's case, or bit 7 of the slash (which makes a reader clear all of them).
    const bool start = static_cast<unsigned char>(result.bytes[0]) == 0xAF;
    std::string seen = result.bytes.substr(0, 37);
    for (char& c : seen) {
      if (start) c = static_cast<char>(c & 0x7F);
      if (c == 'b') c = 'B';
      if (c == 'd') c = 'D';
    }
    std::string upper = frame.substr(0, 37);
    for (char& c : upper) {
      if (c == 'b') c = 'B';
      if (c == 'd') c = 'D';
    }
    CHECK(seen == upper);
  }
  CHECK(harmless > 100);
}

TEST_CASE("twin fault: truncated telegrams are a beginning without end") {
  const auto clean = run_frames(OptionSet{}, 300);
  Rig rig{OptionSet{}.number("truncate", 0.25)};
  rig.open().run(300);
  int cut = 0;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    CHECK(clean[i].starts_with(rig.frames[i]));
    const bool whole = rig.frames[i] == clean[i];
    CHECK(rig.truthful[i] == whole);
    if (!whole) CHECK(rig.frames[i].find('!') == std::string::npos);
    cut += whole ? 0 : 1;
  }
  CHECK(cut > 45);
  CHECK(cut < 105);
}

TEST_CASE("twin fault: line ends, checksum styles and parity") {
  const auto clean = run_frames(OptionSet{}, 40);
  const auto lf = run_frames(OptionSet{}.on("lf_only"), 40);
  const auto none = run_frames(OptionSet{}.on("no_crc"), 40);
  const auto lower = run_frames(OptionSet{}.on("lower_crc"), 40);
  const auto unpadded = run_frames(OptionSet{}.on("unpadded_crc"), 40);
  const auto parity = run_frames(OptionSet{}.on("parity"), 40);
  int shortened = 0;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const std::size_t bang = clean[i].find('!');
    const std::string body = clean[i].substr(0, bang + 1);
    const std::string crc = clean[i].substr(bang + 1, 4);
    std::string without_cr = clean[i];
    std::erase(without_cr, '\r');
    CHECK(lf[i] == without_cr);
    CHECK(none[i] == body + "\r\n");
    CHECK(lower[i] == body + fmt::format("{:04x}\r\n", twin::arc(body)));
    CHECK(unpadded[i] == body + fmt::format("{:X}\r\n", twin::arc(body)));
    shortened += unpadded[i].size() < clean[i].size() ? 1 : 0;
    REQUIRE(parity[i].size() == clean[i].size());
    for (std::size_t b = 0; b < clean[i].size(); ++b) {
      const auto byte = static_cast<unsigned char>(parity[i][b]);
      CHECK((byte & 0x7F) == clean[i][b]);
      CHECK(std::popcount(byte) % 2 == 0);
    }
    CHECK(static_cast<unsigned char>(parity[i][0]) == 0xAF);
  }
  CHECK(shortened > 0);
}

TEST_CASE("twin fault: a frozen M-Bus device and a skewed clock") {
  const auto options = [] { return OptionSet{}.text("dialect", "be").text("profile", "flat"); };
  const auto clean = run_frames(options(), 1000);
  const auto frozen = run_frames(options().integer("freeze_mbus", 1), 1000);
  CHECK(line_of(clean[999], "0-1:24.2.3") != line_of(clean[0], "0-1:24.2.3"));
  CHECK(line_of(frozen[999], "0-1:24.2.3") == line_of(frozen[0], "0-1:24.2.3"));
  CHECK(line_of(frozen[999], "0-2:24.2.1") == line_of(clean[999], "0-2:24.2.1"));

  Rig fast{options().text("clock_skew", "1h")};
  fast.open().run(1);
  CHECK(line_of(fast.frames[0], "0-0:1.0.0") == "0-0:1.0.0(240212190000W)");
  CHECK(fast.emitted.front().time_ns == utc_ns("2024-02-12T18:00:00Z"));
  Rig slow{options().text("clock_skew", "-30s")};
  CHECK(line_of(slow.open().run(1).frames[0], "0-0:1.0.0") == "0-0:1.0.0(240212175930W)");
}

TEST_CASE("twin fault: the link drops every 30 s and no byte changes") {
  Rig rig{OptionSet{}.seconds("drop_link", 30)};
  rig.open().run(91);
  CHECK(rig.reopened == 3);
  CHECK(rig.frames == run_frames(OptionSet{}, 91));
}

TEST_CASE("twin fault: pieces add up to the same bytes") {
  Rig rig{OptionSet{}.integer("chunk", 64, MESURA_OPTION_SIZE)};
  rig.open().run(5);
  CHECK(rig.frames == run_frames(OptionSet{}, 5));
  CHECK(*std::max_element(rig.pieces.begin(), rig.pieces.end()) == 64);
  CHECK(rig.pieces.size() > 5 * 10);
}

TEST_CASE("twin meter: it stops after the telegrams asked for") {
  Rig rig{OptionSet{}.integer("telegrams", 3)};
  rig.open().run(10);
  CHECK(rig.frames.size() == 3);
  CHECK(rig.closed);
  CHECK_FALSE(rig.armed());
  rig.open();
  CHECK_FALSE(rig.armed());
}

TEST_CASE("twin meter: silent through a power failure, which the next telegram tells") {
  Rig rig{OptionSet{}.list("events", {"failure 5m at 10s", "sag l2 at 2s"})};
  rig.open().run(11);
  CHECK(line_of(rig.frames[2], "1-0:52.32.0") == "1-0:52.32.0(00001)");
  CHECK(line_of(rig.frames[9], "0-0:1.0.0") == "0-0:1.0.0(240212180009W)");
  CHECK(line_of(rig.frames[10], "0-0:1.0.0") == "0-0:1.0.0(240212180510W)");
  CHECK(line_of(rig.frames[10], "1-0:99.97.0") == "1-0:99.97.0(1)(0-0:96.7.19)(240212180510W)(0000000300*s)");
  CHECK(rig.last("total/power_failure_duration") == 300);
}

TEST_CASE("twin meter: encrypted frames count on and hide everything") {
  const auto keys = [] {
    return OptionSet{}
        .text("dialect", "lu")
        .text("encryption_key", "000102030405060708090a0b0c0d0e0f")
        .text("system_title", "53494D0000000001")
        .text("profile", "flat");
  };
  Rig rig{keys().integer("frame_counter", 0x2A)};
  rig.open().run(2);
  const auto plain = run_frames(OptionSet{}.text("dialect", "lu").text("profile", "flat"), 2);
  twin::CipherKey encryption{};
  for (std::uint8_t i = 0; i < 16; ++i) encryption[i] = i;
  const twin::CipherKey published{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                  0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};
  const twin::SystemTitle title{0x53, 0x49, 0x4D, 0, 0, 0, 0, 1};
  CHECK(rig.frames[0] == twin::encrypt(plain[0], encryption, published, title, 0x2A));
  CHECK(rig.frames[1] == twin::encrypt(plain[1], encryption, published, title, 0x2B));
  CHECK(rig.last("total/active_power_import") == 500);

  Rig last{keys().integer("frame_counter", 0xFFFFFFFF)};
  last.open().run(3);
  CHECK(last.frames.size() == 1);
  CHECK(last.closed);
  CHECK(last.logged.size() == 1);
}

TEST_CASE("twin meter: M-Bus devices as configured") {
  Rig rig{OptionSet{}
              .text("dialect", "nl5")
              .map("mbus", {{"2", "gas serial=GAS0000003 interval=5m lag=1s value=3456.789 flow=0"},
                            {"1", "gas empty"},
                            {"3", "water serial=WAT0000001 value=187.042"},
                            {"4", "heat stale value=42.17"}})};
  const std::string frame = rig.open().run(1).frames[0];
  CHECK(has(frame, "0-1:24.1.0(003)\r\n0-1:96.1.0()\r\n0-1:24.2.1(700101010000W)(00000000)\r\n"));
  CHECK(
      has(frame, "0-2:24.1.0(003)\r\n0-2:96.1.0(47415330303030303033)\r\n0-2:24.2.1(240212175501W)(03456.789*m3)\r\n"));
  CHECK(
      has(frame, "0-3:24.1.0(007)\r\n0-3:96.1.0(57415430303030303031)\r\n0-3:24.2.1(240212180000W)(00187.042*m3)\r\n"));
  CHECK(has(frame, "0-4:24.2.1(240113180000W)(0042.17*GJ)\r\n"));
}

TEST_CASE("twin options: every refusal says which, what was expected and what was got") {
  struct Row {
    OptionSet options;
    const char* message;
  };
  const Row rows[] = {
      {OptionSet{}.text("dialect", "nl6"), "dialect: expected nl2, nl4, nl5, be, lu, at, se, hu or lt, got 'nl6'"},
      {OptionSet{}.integer("phases", 2), "phases: expected 1 or 3, got '2'"},
      {OptionSet{}.integer("interval", 1'500'000'000, MESURA_OPTION_DURATION),
       "interval: expected whole seconds, got '1500000000 ns'"},
      {OptionSet{}.text("clock_skew", "30"), "clock_skew: expected a duration such as 90s or -2m, got '30'"},
      {OptionSet{}.number("bitflip", 1.5), "bitflip: expected a probability from 0 to 1, got '1.5'"},
      {OptionSet{}.map("registers", {{"import_t1", "1000"}}),
       "registers import_t1: expected energy such as 1000.000kWh, below 100000000kWh, got '1000'"},
      {OptionSet{}.map("registers", {{"import", "1kWh"}}),
       "registers: expected import_t1 to import_t4 or export_t1 to export_t4, got 'import'"},
      {OptionSet{}.map("mbus", {{"5", "gas"}}), "mbus: expected a channel from 1 to 4, got '5'"},
      {OptionSet{}.map("mbus", {{"1", "steam"}}),
       "mbus 1: expected gas, water, heat, cooling or electricity first, got 'steam'"},
      {OptionSet{}.map("mbus", {{"1", "gas flow=x"}}),
       "mbus 1: expected empty, stale, serial=TEXT, interval=5m, lag=2s, value=876.543 or flow=0.260 (per hour), got "
       "'flow=x'"},
      {OptionSet{}.list("events", {"sag l4 at 3s"}), "events: expected a phase from l1 to l3, got 'l4'"},
      {OptionSet{}.list("events", {"storm at 3s"}),
       "events: expected 'sag l1 [2s] at 60s', 'swell l1 [2s] at 60s', 'failure 5m at 1h', 'clock -30s at 1h' or "
       "'swap at 1d', got 'storm at 3s'"},
      {OptionSet{}.text("month_peak", "4216"), "month_peak: expected 4216W@2024-02-05T16:45:00Z, got '4216'"},
      {OptionSet{}.integer("freeze_mbus", 3),
       "freeze_mbus: expected the channel of one of the meter's M-Bus devices, got '3'"},
      {OptionSet{}.text("header", "TST5"),
       "header: expected a slash, three letters, a digit and printable text without '!', got 'TST5'"},
      // A key is never repeated.
      {OptionSet{}.text("encryption_key", "0001x"), "encryption_key: expected 32 hex digits, got 5 characters"},
  };
  for (const Row& row : rows) CHECK_THROWS_WITH(Rig{row.options}, row.message);
}
