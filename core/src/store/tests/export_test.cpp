// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/export.hpp"
#include "store/export_file.hpp"
#include "store/godenerg.hpp"
#include "store/tests/fake_archive.hpp"

#include <support/catch.hpp>
#include <support/temp_dir.hpp>

#include <fstream>
#include <iterator>

using namespace mesura;
using namespace mesura::store;
using mesura::store::test::FakeArchive;
using mesura::test::contains;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kT0 = 1'792'889'990 * kSecond;  // 2026-10-25T00:59:50Z: ten seconds before the clocks go back

std::string all_of(FakeArchive& archive, const ExportOptions& options, TimeRange range = {0, INT64_MAX}) {
  Export what{archive, archive.series(), range, options};
  std::string out;
  CHECK(what.run(
      std::nullopt,
      [&](const Export::Step& step) {
        out += step.lines;
        return true;
      },
      [] { return false; }));
  return out;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}
void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream{path, std::ios::binary} << text;
}

/// Two devices that measure at their own times, a state and a text.
void fill(FakeArchive& archive, int rows = 12) {
  const auto power = archive.add("grid/total/active_power", "W");
  const auto volts = archive.add("grid/l1/voltage", "V");
  const auto mode = archive.add("grid/total/mode, \"x\"", "1", Kind::state, true);
  const auto tariff = archive.add("grid/total/tariff", "1", Kind::state);
  const auto solar = archive.add("solar/total/active_power", "W");
  for (int i = 0; i < rows; ++i) {
    archive.put(power, kT0 + i * kSecond, 0.1 * i);
    if (i % 3 == 0) archive.put(volts, kT0 + i * kSecond, 230 + i);
    if (i % 4 == 1) archive.put(solar, kT0 + i * kSecond + 250'000'000, -1e-7 * i);
    if (i % 6 == 0) archive.put(solar, kT0 + i * kSecond, 1e16);
  }
  archive.put(mode, kT0 - 5 * kSecond, "before");
  archive.put(mode, kT0 + 2 * kSecond, "a \"b\",\nc");
  archive.put(mode, kT0 + 4 * kSecond, "");
  archive.put(tariff, kT0 + 2 * kSecond, "", 2);
}

ExportOptions form(ExportForm f) {
  ExportOptions options;
  options.form = f;
  return options;
}

}  // namespace

TEST_CASE("a wide export has a row a time and a column a series") {
  FakeArchive archive;
  fill(archive, 5);
  CHECK(all_of(archive, form(ExportForm::wide)) ==
        "time,grid/total/active_power (W),grid/l1/voltage (V),\"grid/total/mode, \"\"x\"\" (1)\",grid/total/tariff (1),"
        "solar/total/active_power (W)\r\n"
        "2026-10-25T00:59:45.000Z,,,before,,\r\n"
        "2026-10-25T00:59:50.000Z,0,230,,,1e+16\r\n"
        "2026-10-25T00:59:51.000Z,0.1,,,,\r\n"
        "2026-10-25T00:59:51.250Z,,,,,-1e-07\r\n"
        "2026-10-25T00:59:52.000Z,0.2,,\"a \"\"b\"\",\\x0ac\",2,\r\n"
        "2026-10-25T00:59:53.000Z,0.30000000000000004,233,,,\r\n"
        "2026-10-25T00:59:54.000Z,0.4,,\"\",,\r\n");
}

TEST_CASE("an export of one device in local time tells the repeated hour by its offset") {
  FakeArchive archive;
  const auto power = archive.add("grid/total/active_power", "W");
  archive.put(power, kT0, 1);
  archive.put(power, kT0 + 3600 * kSecond, 2);
  ExportOptions options = form(ExportForm::wide);
  options.local = model::Zone::find("Europe/Brussels");
  CHECK(all_of(archive, options) ==
        "time,grid/total/active_power (W)\r\n"
        "2026-10-25T02:59:50.000+02:00,1\r\n"
        "2026-10-25T02:59:50.000+01:00,2\r\n");
}

TEST_CASE("a long export and JSON lines have a row a value, device after device") {
  FakeArchive archive;
  fill(archive, 3);
  CHECK(all_of(archive, form(ExportForm::lines), {kT0 + kSecond, INT64_MAX}) ==
        "device,channel,quantity,unit,time,value\r\n"
        "grid,total,active_power,W,2026-10-25T00:59:51.000Z,0.1\r\n"
        "grid,total,active_power,W,2026-10-25T00:59:52.000Z,0.2\r\n"
        "grid,total,\"mode, \"\"x\"\"\",1,2026-10-25T00:59:52.000Z,\"a \"\"b\"\",\\x0ac\"\r\n"
        "grid,total,tariff,1,2026-10-25T00:59:52.000Z,2\r\n"
        "grid,total,\"mode, \"\"x\"\"\",1,2026-10-25T00:59:54.000Z,\"\"\r\n"
        "solar,total,active_power,W,2026-10-25T00:59:51.250Z,-1e-07\r\n");
  CHECK(all_of(archive, form(ExportForm::jsonl), {kT0 + 2 * kSecond, kT0 + 3 * kSecond}) ==
        "{\"device\":\"grid\",\"channel\":\"total\",\"quantity\":\"active_power\",\"unit\":\"W\",\"time\":\"2026-10-"
        "25T00:"
        "59:52.000Z\",\"value\":0.2}\n"
        "{\"device\":\"grid\",\"channel\":\"total\",\"quantity\":\"mode, "
        "\\\"x\\\"\",\"unit\":\"1\",\"time\":\"2026-10-25T00:"
        "59:52.000Z\",\"text\":\"a \\\"b\\\",\\nc\"}\n"
        "{\"device\":\"grid\",\"channel\":\"total\",\"quantity\":\"tariff\",\"unit\":\"1\",\"time\":\"2026-10-25T00:59:"
        "52."
        "000Z\",\"value\":2}\n");
}

TEST_CASE("an export of rollups has what each kind of series has, or what was asked for") {
  FakeArchive archive;
  const auto power = archive.add("grid/total/active_power", "W");
  const auto energy = archive.add("grid/total/active_energy_import", "Wh", Kind::reg);
  archive.add("grid/total/mode", "1", Kind::state, true);
  archive.put(power, kT0, 1);
  archive.put_rollup(power, Resolution::minute, kT0, {60, 5, 1, 9, 3, 0});
  archive.put_rollup(energy, Resolution::minute, kT0, {60, 0, 0, 0, 1000, 7});
  archive.put_rollup(power, Resolution::minute, kT0 + 60 * kSecond, {1, 2, 2, 2, 2, 0});
  ExportOptions options = form(ExportForm::wide);
  options.resolution = Resolution::minute;
  const TimeRange range{0, kT0 + 3600 * kSecond};
  // Rollups begin before the newest value of the running window.
  archive.put(power, kT0 + 100 * kSecond, 1);
  CHECK(all_of(archive, options, range) ==
        "time,grid/total/active_power mean (W),grid/total/active_power min (W),grid/total/active_power max (W),"
        "grid/total/active_energy_import last (Wh),grid/total/active_energy_import delta (Wh)\r\n"
        "2026-10-25T00:59:50.000Z,5,1,9,1000,7\r\n"
        "2026-10-25T01:00:50.000Z,2,2,2,,\r\n");
  options.form = ExportForm::lines;
  options.parts = {Part::delta, Part::count};
  CHECK(all_of(archive, options, range) ==
        "device,channel,quantity,unit,time,delta,count\r\n"
        "grid,total,active_power,W,2026-10-25T00:59:50.000Z,,60\r\n"
        "grid,total,active_energy_import,Wh,2026-10-25T00:59:50.000Z,7,60\r\n"
        "grid,total,active_power,W,2026-10-25T01:00:50.000Z,,1\r\n");
}

TEST_CASE("what can't be exported so is refused") {
  FakeArchive archive;
  fill(archive);
  ExportOptions options = form(ExportForm::wide);
  options.parts = {Part::mean};
  CHECK_THROWS_WITH((Export{archive, archive.series(), {0, 1}, options}), Catch::Matchers::StartsWith("exp-parts: "));
  options.parts.clear();
  options.resolution = Resolution::hour;
  CHECK_THROWS_WITH((Export{archive, {archive.at(2)}, {0, 1}, options}), Catch::Matchers::StartsWith("exp-states: "));
  options = form(ExportForm::godenerg_csv);
  CHECK_THROWS_WITH((Export{archive, archive.series(), {0, 1}, options}),
                    Catch::Matchers::StartsWith("exp-layout: ") && contains("grid, solar"));
  CHECK_THROWS_WITH((Export{archive, {archive.at(0)}, {0, 1}, options}), contains("grid is no inverter"));
}

TEST_CASE("an export reads stretches of bounded length over gaps of years") {
  FakeArchive archive;
  const auto power = archive.add("grid/total/active_power", "W");
  const auto solar = archive.add("solar/total/active_power", "W");
  archive.put(power, 0, 1);
  archive.put(power, kT0, 2);
  archive.put(solar, kT0, 3);
  CHECK(all_of(archive, form(ExportForm::wide)) ==
        "time,grid/total/active_power (W),solar/total/active_power (W)\r\n"
        "1970-01-01T00:00:00.000Z,1,\r\n"
        "2026-10-25T00:59:50.000Z,2,3\r\n");
  CHECK(archive.calls < 3000);  // 56 years, at most 32 days a stretch
}

TEST_CASE("an export that was cut at any byte goes on to the same file") {
  const mesura::test::TempDir dir;
  FakeArchive archive;
  fill(archive, 7);
  const auto file = dir / "out";
  for (const ExportForm f : {ExportForm::wide, ExportForm::lines, ExportForm::jsonl}) {
    const std::string whole = all_of(archive, form(f));
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
      write(file, whole.substr(0, cut));
      Export what{archive, archive.series(), {0, INT64_MAX}, form(f)};
      ExportFile out{file, what, ExportFile::Mode::resume};
      REQUIRE(what.run(
          out.place(),
          [&](const Export::Step& step) {
            out.write(step.lines);
            return true;
          },
          [] { return false; }));
      out.finish();
      REQUIRE(read(file) == whole);
    }
  }
}

TEST_CASE("another file, another range, another form is not continued") {
  const mesura::test::TempDir dir;
  FakeArchive archive;
  fill(archive, 7);
  const auto file = dir / "out.csv";
  const auto open = [&](const ExportOptions& options, TimeRange range, ExportFile::Mode mode) {
    const Export what{archive, archive.series(), range, options};
    ExportFile{file, what, mode}.finish();
  };
  const TimeRange ever{0, INT64_MAX};
  const std::string whole = all_of(archive, form(ExportForm::wide));
  write(file, whole);
  const auto refused = [&](const char* code, const ExportOptions& options, TimeRange range, ExportFile::Mode mode) {
    try {
      open(options, range, mode);
    } catch (const StoreError& e) {
      const std::string what = e.what();
      return e.cause() == StoreError::Cause::question && what.starts_with(code) &&
             what.find(file.string()) != std::string::npos && what.find("\n  hint      ") != std::string::npos;
    }
    return false;
  };
  CHECK(refused("exp-exists: ", form(ExportForm::wide), ever, ExportFile::Mode::fresh));
  CHECK(refused("exp-resume: ", form(ExportForm::lines), ever, ExportFile::Mode::resume));
  CHECK(refused("exp-resume: ", form(ExportForm::jsonl), ever, ExportFile::Mode::resume));
  CHECK(refused("exp-resume: ", form(ExportForm::wide), {0, kT0}, ExportFile::Mode::resume));
  CHECK(refused("exp-resume: ", form(ExportForm::wide), {kT0 + 3600 * kSecond, INT64_MAX}, ExportFile::Mode::resume));
  write(file, whole + "not a line of ours\r\n");
  CHECK(refused("exp-resume: ", form(ExportForm::wide), ever, ExportFile::Mode::resume));
  CHECK(read(file) == whole + "not a line of ours\r\n");  // nothing was lost
  open(form(ExportForm::wide), ever, ExportFile::Mode::replace);
  CHECK(read(file).empty());
}

TEST_CASE("stopping leaves whole lines and can be continued") {
  FakeArchive archive;
  fill(archive, 2000);
  const std::string whole = all_of(archive, form(ExportForm::wide));
  int looks = 0;
  std::string part;
  Export what{archive, archive.series(), {0, INT64_MAX}, form(ExportForm::wide)};
  CHECK_FALSE(what.run(
      std::nullopt,
      [&](const Export::Step& step) {
        part += step.lines;
        return true;
      },
      [&] { return ++looks > 3; }));
  REQUIRE(part.size() > 1000);
  REQUIRE(part.size() < whole.size());
  CHECK(part == whole.substr(0, part.size()));
  CHECK(part.back() == '\n');
}

namespace {

void fill_inverter(FakeArchive& archive) {
  const auto add = [&](const char* name, const char* unit, double value) {
    const auto id = archive.add(std::string{"inverter/"} + name, unit);
    archive.put(id, kT0, value);
    archive.put(id, kT0 + 15 * kSecond, value + 1);
    return id;
  };
  add("grid/voltage", "V", 230.1);
  add("grid/frequency", "Hz", 50);
  add("ac_output/voltage", "V", 230);
  add("ac_output/frequency", "Hz", 50);
  add("ac_output/apparent_power", "VA", 322);
  add("ac_output/active_power", "W", 221);
  add("ac_output/load_level", "%", 6);
  add("bus/voltage", "V", 425);
  add("battery/voltage", "V", 52.8);
  add("battery/charge_current", "A", 11);
  add("battery/state_of_charge", "%", 100);
  add("heatsink/temperature", "Cel", 40);
  add("pv1/charge_current", "A", 16);
  add("pv1/voltage", "V", 100.6);
  add("scc1/voltage", "V", 52.78);
  add("battery/discharge_current", "A", 0);
  archive.at(add("pv1/active_power", "W", -844)).info.negated = true;
  archive.put(archive.add("inverter/total/device_status", "1", Kind::state, true), kT0, "01110110");
  archive.put(archive.add("inverter/fan/fan_on_voltage_offset", "V", Kind::state), kT0 - kSecond, "", 0.05);
  archive.put(archive.add("inverter/total/device_status2", "1", Kind::state, true), kT0, "010");
  const auto mode = archive.add("inverter/total/operating_mode", "1", Kind::state, true);
  archive.put(mode, kT0 - 10 * kSecond, "battery");
  archive.put(mode, kT0 + 14 * kSecond, "bypass");
  // Of another reply: no row of the table.
  archive.put(archive.add("inverter/pv/active_energy_export", "Wh", Kind::reg), kT0 + 5 * kSecond, 12345.0);
}

const std::string kFirst =
    "1792889990;230.1;50.0;230.0;50.0;322;221;6;425;52.8;11;100;40;16;100.6;52.78;0;01110110;05;;844;010;BT";
const std::string kSecondRow =
    "1792890005;231.1;51.0;231.0;51.0;323;222;7;426;53.8;12;101;41;17;101.6;53.78;1;01110110;05;;843;010;00";

}  // namespace

TEST_CASE("the layout of godenerg is that of its table, without a header and a last line feed") {
  FakeArchive archive;
  fill_inverter(archive);
  CHECK(all_of(archive, form(ExportForm::godenerg_csv)) == kFirst + "\n" + kSecondRow);
  // What held before the range counts.
  CHECK(all_of(archive, form(ExportForm::godenerg_csv), {kT0 + 10 * kSecond, INT64_MAX}) == kSecondRow);
  ExportOptions options = form(ExportForm::godenerg_json);
  options.old_columns = {"pv_watts", "datetime", "mode", "mask_c", "grid_freq"};
  CHECK(all_of(archive, options) == "[[844,1792889990,\"BT\",null,50.0],[843,1792890005,\"00\",null,51.0]]");
  CHECK(all_of(archive, options, {0, 1}) == "[]");
  options.old_columns = {"pv_wats"};
  CHECK_THROWS_WITH((Export{archive, archive.series(), {0, 1}, options}),
                    Catch::Matchers::StartsWith("exp-column: ") && contains("did you mean 'pv_watts'?"));
}

TEST_CASE("the layout of godenerg is continued too, and as JSON refused") {
  const mesura::test::TempDir dir;
  FakeArchive archive;
  fill_inverter(archive);
  const auto file = dir / "out.csv";
  const std::string whole = kFirst + "\n" + kSecondRow;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    write(file, whole.substr(0, cut));
    Export what{archive, archive.series(), {0, INT64_MAX}, form(ExportForm::godenerg_csv)};
    ExportFile out{file, what, ExportFile::Mode::resume};
    REQUIRE(what.run(
        out.place(),
        [&](const Export::Step& step) {
          out.write(step.lines);
          return true;
        },
        [] { return false; }));
    REQUIRE(read(file) == whole);
  }
  const Export json{archive, archive.series(), {0, INT64_MAX}, form(ExportForm::godenerg_json)};
  CHECK_THROWS_WITH((ExportFile{file, json, ExportFile::Mode::resume}), contains("can't be continued"));
}
