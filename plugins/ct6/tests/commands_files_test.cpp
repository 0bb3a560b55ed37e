// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Files on the unit.
#include <string>

#include "command_list.hpp"
#include "command_rig.hpp"
#include "digest.hpp"
#include "virtual_digest.hpp"

using namespace mesura::ct6::test;
using mesura::ct6::file_in_reply;
using mesura::test::contains;

namespace {

PluginOptions upload(std::string content, std::string name, std::string folder = "/") {
  return PluginOptions{}
      .text("content", std::move(content))
      .text("name", std::move(name))
      .text("folder", std::move(folder));
}

}  // namespace

TEST_CASE("SHA-256 as the unit computes it") {
  CHECK(mesura::ct6::sha256_text("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(mesura::ct6::sha256_text("abc") == mesura::ct6::twin::sha256_hex("abc"));
}

TEST_CASE("files: list, send, read back, delete") {
  CommandRig rig;
  const std::string content = "line 1\nit's \"quoted\" \\ and 'single', end\n";
  const Ended sent = rig.run("put_file", upload(content, "notes.txt", "/notes"));
  INFO(sent.message);
  REQUIRE(sent.status == MESURA_REPLY_DONE);
  REQUIRE(rig.wrote.size() == 1);
  CHECK(rig.wrote[0].to == "FILE http://127.0.0.2:80/notes/notes.txt");
  CHECK(rig.wrote[0].bytes == "FILE notes.txt /notes " + std::to_string(content.size()) + " " +
                                  mesura::ct6::twin::sha256_hex(content) + " HTTP/1.1\n" + content);
  CHECK(*at(Rig::json(sent.json), "after.sha256").as<std::string>() == mesura::ct6::twin::sha256_hex(content));
  const Ended list = rig.run("files");
  CHECK_THAT(list.json, contains(R"("/notes/notes.txt")"));
  CHECK_THAT(list.json, contains(R"("folders":["/app1/",)"));
  const Ended got = rig.run("get_file", PluginOptions{}.text("file", "notes/notes.txt"));
  CHECK(got.status == MESURA_REPLY_DONE);
  CHECK(got.bytes == content);
  const Ended full = rig.run("delete_folder", PluginOptions{}.text("folder", "/notes"));
  CHECK(full.status == MESURA_REPLY_INVALID);
  CHECK_THAT(full.message, contains("/notes/notes.txt is in it"));
  const Ended gone = rig.run("delete_file", PluginOptions{}.text("file", "/notes/notes.txt"));
  CHECK(gone.json == R"({"path":"/notes/notes.txt","before":true,"after":false})");
  CHECK(rig.run("delete_folder", PluginOptions{}.text("folder", "/notes/")).status == MESURA_REPLY_DONE);
  CHECK(rig.run("make_folder", PluginOptions{}.text("folder", "/a")).status == MESURA_REPLY_DONE);
  CHECK(rig.run("make_folder", PluginOptions{}.text("folder", "/a")).message == "already there");
  CHECK(rig.run("put_file", upload("", "empty")).status == MESURA_REPLY_DONE);
  CHECK(rig.has_file("/empty"));
}

TEST_CASE("files: any bytes and many of them arrive as they are") {
  CommandRig rig;
  std::string content;
  for (int i = 0; i < 100'000; ++i) content += static_cast<char>(i * 7 % 256);
  REQUIRE(rig.run("put_file", upload(content, "big.bin")).status == MESURA_REPLY_DONE);
  const Ended got = rig.run("get_file", PluginOptions{}.text("file", "/big.bin"));
  CHECK(got.status == MESURA_REPLY_REFUSED);
  CHECK_THAT(got.message, contains("only texts can be fetched"));
}

TEST_CASE("files: a damaged one is sent again, and told after three times") {
  CommandRig rig;
  rig.fault("hash_mismatch", 2);
  CHECK(rig.run("put_file", upload("hello", "a.txt")).status == MESURA_REPLY_DONE);
  CHECK(rig.wrote.size() == 3);
  rig.fault("hash_mismatch", 3);
  const Ended end = rig.run("put_file", upload("hello", "b.txt"));
  CHECK(end.status == MESURA_REPLY_MISMATCH);
  CHECK_THAT(end.message, contains("XFER ERROR"));
  CHECK_FALSE(rig.has_file("/b.txt"));
}

TEST_CASE("files: what cannot be named, or must not be touched, is refused before anything is sent") {
  CommandRig rig;
  for (const std::string bad : {"", "a b", "a,b", "a=b", "a?b", "a'b", "a\"b", "a\nb", "../x", "\xC3\xA9"}) {
    INFO(bad);
    CHECK(rig.run("get_file", PluginOptions{}.text("file", bad)).status == MESURA_REPLY_INVALID);
    CHECK(rig.run("delete_file", PluginOptions{}.text("file", bad)).status == MESURA_REPLY_INVALID);
    CHECK(rig.run("make_folder", PluginOptions{}.text("folder", bad)).status == MESURA_REPLY_INVALID);
    CHECK(rig.run("delete_folder", PluginOptions{}.text("folder", bad)).status == MESURA_REPLY_INVALID);
    CHECK(rig.run("put_file", upload("x", bad)).status == MESURA_REPLY_INVALID);
  }
  CHECK(rig.run("put_file", upload("x", "a/b")).status == MESURA_REPLY_INVALID);
  CHECK(rig.run("put_file", upload("x", "b", "/a b")).status == MESURA_REPLY_INVALID);
  CHECK_THAT(rig.run("put_file", upload("{}", "factory.cfg")).message, contains("restore_calibration"));
  CHECK_THAT(rig.run("put_file", upload("{}", "this.machine.cfg")).message, contains("`apply`"));
  for (const char* file : {"/main.py", "/factory.cfg", "this.machine.cfg", "/app1/app.mpy", "/nothing"}) {
    INFO(file);
    CHECK(rig.run("delete_file", PluginOptions{}.text("file", file)).status == MESURA_REPLY_INVALID);
  }
  CHECK(rig.run("delete_folder", PluginOptions{}.text("folder", "/app1")).status == MESURA_REPLY_INVALID);
  CHECK(rig.run("delete_folder", PluginOptions{}.text("folder", "/")).status == MESURA_REPLY_INVALID);
  CHECK(rig.run("delete_folder", PluginOptions{}.text("folder", "/none")).status == MESURA_REPLY_INVALID);
  CHECK(rig.wrote.empty());
  CHECK(rig.run("get_file", PluginOptions{}.text("file", "/none")).status == MESURA_REPLY_REFUSED);
}

TEST_CASE("erase_offline_app empties the slot that does not run") {
  CommandRig rig;
  CHECK(rig.run("erase_offline_app").message == "already empty");
  CHECK(rig.wrote.empty());
  REQUIRE(rig.run("put_file", upload("x", "app.mpy", "/app2")).status == MESURA_REPLY_DONE);
  const Ended end = rig.run("erase_offline_app");
  CHECK(end.json == R"({"folder":"/app2","before":1,"after":0,"unit":"files"})");
  CHECK(rig.has_file("/app1/app.mpy"));
}

TEST_CASE("a file's text is found in a reply, whatever apostrophes became") {
  CHECK(file_in_reply(R"({"OK": true, "/a": "b"})", "/a") == "b");
  CHECK(file_in_reply(R"({"/a": "b", "OK": true})", "/a") == "b");
  CHECK(file_in_reply(R"({"OK": true, "/a": "it"s "x", y"})", "/a") == R"(it's 'x', y)");
  CHECK(file_in_reply(R"({"OK": true, "/a": "\"\\"})", "/a") == R"("\)");
  CHECK(file_in_reply(R"({"OK": true, "/a": "\\"\n"})", "/a") == "\\'\n");
  CHECK_FALSE(file_in_reply(R"({"OK": true})", "/a").has_value());
  CHECK_FALSE(file_in_reply(R"({"OK": true, "/a": "b)", "/a").has_value());
}
