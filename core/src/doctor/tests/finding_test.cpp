// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/finding.hpp"

#include "doctor/clock_check.hpp"
#include "doctor/limit_check.hpp"
#include "doctor/place_check.hpp"
#include "doctor/service_status.hpp"
#include "doctor/tests/unprivileged.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

using namespace mesura;
using namespace mesura::doctor;
using namespace mesura::doctor::test;
using mesura::test::contains;
using mesura::test::TempDir;

namespace {

Finding taken(std::string_view message) {
  Finding f{Severity::error, "c", "w", {}};
  take_message(f, message);
  return f;
}

constexpr std::int64_t kNow = 1'790'000'000'000'000'000;  // 2026-09-21

Findings clock_findings(const ClockFacts& facts, const char* sync = "auto") {
  Findings out;
  check_clock(facts, config::ClockConfig{sync, {}}, out);
  return out;
}

Findings room_findings(const Room& room) {
  Findings out;
  judge_room(room, "state", "/var/lib/mesura", out);
  return out;
}

constexpr std::uint64_t kGiB = 1ULL << 30U;

}  // namespace

TEST_CASE("messages of other rooms are taken apart into what, expected, got and remedy") {
  const auto reason = taken("tcp 127.0.0.1:1: expected a connection, got Connection refused\n  hint  is it on?");
  CHECK(reason.message == "tcp 127.0.0.1:1");
  CHECK(reason.expected == "a connection");
  CHECK(reason.got == "Connection refused");
  CHECK(reason.remedy == "is it on?");
  const auto sink = taken("sink-access: mysql db: access denied\n  hint      the password");
  CHECK(sink.message == "sink-access: mysql db: access denied");
  CHECK(sink.remedy == "the password");
  const auto listener = taken("http-bind: 127.0.0.1:80 is taken\n  expected  a free one\n  got       EADDRINUSE");
  CHECK(listener.expected == "a free one");
  CHECK(listener.got == "EADDRINUSE");
  CHECK(listener.message == "http-bind: 127.0.0.1:80 is taken");
  CHECK(taken("").message.empty());
}

TEST_CASE("what is to be pasted into a shell is quoted") {
  CHECK(shell_word("/var/lib/mesura") == "/var/lib/mesura");
  CHECK(shell_word("") == "''");
  CHECK(shell_word("a b; rm -rf $HOME") == "'a b; rm -rf $HOME'");
  CHECK(shell_word("it's $HOME `x` \"y\"") == R"("it's \$HOME \`x\` \"y\"")");
  CHECK(shell_word("it's!") == R"('it'\''s!')");
}

TEST_CASE("the worst comes first, and equals stay in order") {
  Findings all{{Severity::good, "a", "", ""},
               {Severity::error, "b", "", ""},
               {Severity::note, "c", "", ""},
               {Severity::error, "d", "", ""}};
  sort(all);
  CHECK(all[0].code == "b");
  CHECK(all[1].code == "d");
  CHECK(all[3].code == "a");
  CHECK(count(all, Severity::error) == 2);
}

TEST_CASE("an unsynchronised clock is told with who should set it, by what the configuration asks") {
  ClockFacts facts;
  facts.wall_ns = kNow;
  facts.synchronised = false;
  const auto warned = clock_findings(facts);
  CHECK(the(warned, "doc-clock-unsynchronised").severity == Severity::warning);
  CHECK_THAT(the(warned, "doc-clock-unsynchronised").remedy, contains("systemd-timesyncd"));
  CHECK(the(warned, "doc-clock-unsynchronised").commands.back() == "sudo timedatectl set-ntp true");
  CHECK(the(clock_findings(facts, "require"), "doc-clock-unsynchronised").severity == Severity::error);
  CHECK(the(clock_findings(facts, "ignore"), "doc-clock-unsynchronised").severity == Severity::note);
  facts.daemon = "chronyd";
  CHECK_THAT(the(clock_findings(facts), "doc-clock-unsynchronised").got, contains("chronyd runs"));
  facts.hardware = false;
  CHECK(the(clock_findings(facts), "doc-clock-hardware").severity == Severity::note);
  facts.synchronised = true;
  CHECK(the(clock_findings(facts), "doc-clock").severity == Severity::good);
  CHECK(clock_findings(facts).size() == 1);
  facts.synchronised.reset();
  CHECK(the(clock_findings(facts), "doc-clock-unknown").severity == Severity::note);
}

TEST_CASE("a clock in 1970 is wrong whatever the kernel says") {
  ClockFacts facts;
  facts.synchronised = true;
  facts.wall_ns = 86'400'000'000'000;
  const auto findings = clock_findings(facts);
  CHECK(the(findings, "doc-clock-wrong").severity == Severity::error);
  CHECK_THAT(the(findings, "doc-clock-wrong").got, contains("1970-01-02"));
}

TEST_CASE("zones of time are there, or a package is named") {
  Findings out;
  check_zones("Europe/Brussels", out);
  CHECK(the(out, "doc-zone").severity == Severity::good);
}

TEST_CASE("a fleet needs descriptors for its peers") {
  config::Configuration configuration;
  config::DeviceConfig fleet;
  fleet.name = "cells";
  fleet.links.push_back(
      {"command", "tcp_listen", config::Value{config::Value::Map{{"max_peers", config::Value{std::int64_t{5000}}}}}});
  configuration.devices.push_back(fleet);
  Findings out;
  check_descriptors({1024, 4096}, configuration, out);
  CHECK(the(out, "doc-descriptors").severity == Severity::warning);
  CHECK_THAT(the(out, "doc-descriptors").remedy, contains("LimitNOFILE="));
  out.clear();
  check_descriptors({1024, 524288}, configuration, out);
  CHECK(the(out, "doc-descriptors").severity == Severity::good);
}

TEST_CASE("room is judged in bytes and in files") {
  CHECK(the(room_findings({50 * kGiB, 100 * kGiB, 1'000'000, 2'000'000, false}), "doc-disk").severity ==
        Severity::good);
  CHECK(the(room_findings({10'000, kGiB, 1000, 2000, false}), "doc-disk-space").severity == Severity::error);
  CHECK(the(room_findings({kGiB / 2, 100 * kGiB, 1000, 2000, false}), "doc-disk-space").severity == Severity::warning);
  CHECK(the(room_findings({50 * kGiB, 100 * kGiB, 10, 2'000'000, false}), "doc-disk-inodes").severity ==
        Severity::error);
  // Some file systems don't count files.
  CHECK(!has(room_findings({50 * kGiB, 100 * kGiB, 0, 0, false}), "doc-disk-inodes"));
  CHECK(the(room_findings({50 * kGiB, 100 * kGiB, 10, 20, true}), "doc-disk-read-only").severity == Severity::error);
}

TEST_CASE("a full file system is found where the state is to be") {
  if (::geteuid() != 0) {
    WARN("SKIPPED: mounting a small file system needs root");
    return;
  }
  const TempDir dir;
  const std::string mount = dir.path().string();
  Findings found;
  try {
    found = in_child(
        [&] {
          if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
              ::mount("tmpfs", mount.c_str(), "tmpfs", 0, "size=1m,nr_inodes=64") != 0)
            throw std::system_error(errno, std::system_category(), "mount");
          std::ofstream out{mount + "/filler"};
          const std::string block(65536, 'x');
          while (out.write(block.data(), 65536) && out.flush()) continue;
        },
        [&] {
          Findings out;
          check_places({{"state", mount + "/state"}}, out);
          return out;
        });
  } catch (const std::runtime_error& e) {
    WARN("SKIPPED: no file system can be mounted here: " << e.what());
    return;
  }
  CHECK(the(found, "doc-disk-space").severity == Severity::error);
  CHECK(the(found, "doc-disk-space").where == "state");
  CHECK_THAT(the(found, "doc-disk-space").got, contains("0.0 MiB of 1.0 MiB"));
  CHECK(the(found, "doc-disk-inodes").severity == Severity::error);
}

TEST_CASE("a directory that this user may not write is found with its owner and a command") {
  const TempDir dir;
  std::filesystem::create_directory(dir / "state");
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  REQUIRE(::chmod((dir / "state").c_str(), 0555) == 0);
  const auto found = as_nobody([&] {
    Findings out;
    check_places({{"state", dir / "state"}, {"sink files", dir / "state" / "csv"}}, out);
    return out;
  });
  REQUIRE(::chmod((dir / "state").c_str(), 0755) == 0);
  const auto& closed = the(found, "doc-place-access");
  CHECK(closed.severity == Severity::error);
  CHECK_THAT(closed.got, contains("mode 0555"));
  CHECK_THAT(closed.commands.at(0), contains("sudo chown -R"));
  CHECK(std::count_if(found.begin(), found.end(), [](const Finding& f) { return f.code == "doc-place-access"; }) == 2);
}

TEST_CASE("files that are to be read are there and may be read") {
  const TempDir dir;
  std::ofstream{dir / "key.pem"} << "x";
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  REQUIRE(::chmod((dir / "key.pem").c_str(), 0) == 0);
  const auto found = as_nobody([&] {
    Findings out;
    check_file("http", dir / "key.pem", out);
    check_file("device a", dir / "none.capture", out);
    return out;
  });
  REQUIRE(found.size() == 2);
  CHECK(found[0].got == "Permission denied");
  CHECK(found[1].got == "No such file or directory");
  Findings out;
  REQUIRE(::chmod((dir / "key.pem").c_str(), 0644) == 0);
  check_file("http", dir / "key.pem", out);
  CHECK(the(out, "doc-file").severity == Severity::good);
}

TEST_CASE("a sink's missing directory and wrong kinds of place are found") {
  const TempDir dir;
  std::filesystem::create_directory(dir / "database.db");
  Findings out;
  check_places({{"sink a", dir / "none" / "a.db", false, false}, {"sink b", dir / "database.db", false, false}}, out);
  CHECK(the(out, "doc-place-missing").commands.at(0) == "mkdir -p " + (dir / "none").string());
  CHECK(the(out, "doc-place-kind").got == "a directory");
}

TEST_CASE("what a running service says of devices and sinks becomes findings") {
  Findings out;
  judge_status(R"({"devices":[
    {"name":"grid","state":"live","link":"serial /dev/ttyUSB0","error":"","frames":12},
    {"name":"pv","state":"stale","link":"tcp h:1","frames":0,
     "error":"tcp h:1: expected a connection, got Connection refused\n  hint  is it on?"}],
    "sinks":[{"name":"db","state":"failing","last_error":"sink-access: denied\n  hint      the password","spool_error":"","committed":1},
             {"name":"local","state":"ready","last_error":"","spool_error":"","committed":7}]})",
               {}, out);
  REQUIRE(out.size() == 4);
  CHECK(out[0].severity == Severity::good);
  CHECK(out[1].severity == Severity::error);
  CHECK(out[1].got == "Connection refused");
  CHECK(out[1].remedy == "is it on?");
  CHECK(out[2].remedy == "the password");
  CHECK(out[3].severity == Severity::good);
  out.clear();
  judge_status("{\"devices\":[{\"name\":\"a\",\"state\":\"live\"},{\"name\":\"b\",\"state\":\"live\"}]}", {"b"}, out);
  REQUIRE(out.size() == 1);
  CHECK(out[0].where == "device b");
  out.clear();
  judge_status("nonsense", {}, out);
  CHECK(the(out, "doc-service-answer").severity == Severity::warning);
}
