// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/port_check.hpp"

#include "transport/port_holders.hpp"
#include "transport/serial_port.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

namespace mesura::doctor {
namespace {

constexpr std::string_view kRules = "/etc/udev/rules.d/70-mesura.rules";

std::string group_name(gid_t group) {
  std::array<char, 4096> buffer{};
  ::group entry{};
  ::group* found = nullptr;
  if (::getgrgid_r(group, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return entry.gr_name;
  return std::to_string(group);
}

bool is_member(gid_t group) {
  if (::getegid() == group) return true;
  std::array<gid_t, 256> groups{};
  const int n = ::getgroups(static_cast<int>(groups.size()), groups.data());
  return n > 0 && std::find(groups.begin(), groups.begin() + n, group) != groups.begin() + n;
}

/// The group's list has the user, whose processes will have it after the next login.
bool is_listed(gid_t group, const std::string& user) {
  std::array<char, 16384> buffer{};
  ::group entry{};
  ::group* found = nullptr;
  if (::getgrgid_r(group, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return false;
  for (char** member = entry.gr_mem; *member != nullptr; ++member)
    if (user == *member) return true;
  return false;
}

std::vector<std::string> rule_command(const std::string& rule) {
  return {fmt::format("printf '%s\\n' {} | sudo tee -a {}", shell_word(rule), kRules),
          "sudo udevadm control --reload && sudo udevadm trigger"};
}

void let_in(const Person& person, const std::string& node, const struct stat& status, const std::string& usb_id,
            Finding& finding) {
  const bool group_may = (status.st_mode & 060) == 060 && status.st_gid != 0;
  if (group_may && is_listed(status.st_gid, person.user)) {
    finding.remedy = fmt::format("{} is in group {} since the last login: log in again (or restart the service)",
                                 person.user, group_name(status.st_gid));
    return;
  }
  const std::string group = group_may ? group_name(status.st_gid) : "dialout";
  if (!is_member(status.st_gid) || !group_may) {
    finding.remedy = fmt::format("add the user to group {}, then log in again", group);
    finding.commands = {fmt::format("sudo usermod -aG {} {}", group, shell_word(person.user))};
  }
  if (group_may) return;
  const bool hid = node.find("hidraw") != std::string::npos;
  finding.remedy = fmt::format("let group {} have it by a udev rule{}, and be in that group", group,
                               hid && usb_id.empty() ? " for its vendor and product (`lsusb`)" : "");
  if (hid && usb_id.empty()) return;
  const auto rule = hid ? hidraw_rule(usb_id)
                        : rule_command(fmt::format(R"(KERNEL=="{}", GROUP="dialout", MODE="0660")",
                                                   node.substr(node.rfind('/') + 1)));
  finding.commands.insert(finding.commands.begin(), rule.begin(), rule.end());
}

/// True: nothing keeps this user from it.
bool check_access(const PortCheck& check, const std::string& where, const std::string& node,
                  const std::string& usb_id) {
  const std::string file = check.system.root + node;
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return false;
  if (!S_ISCHR(status.st_mode)) {
    Finding other{Severity::error, "doc-port-kind", where, node + " is no port"};
    other.expected = "a character device";
    other.got = S_ISDIR(status.st_mode) ? "a directory" : "another kind of file";
    other.remedy = "`mesura discover` lists the ports of this machine";
    check.out.push_back(std::move(other));
    return false;
  }
  if (::faccessat(AT_FDCWD, file.c_str(), R_OK | W_OK, AT_EACCESS) == 0) return true;
  Finding closed{Severity::error, "doc-port-access", where,
                 fmt::format("{} may not open {}", check.system.person.user, node)};
  closed.expected = "to read and write";
  closed.got =
      fmt::format("mode {:04o}, owner {}, group {}", status.st_mode & 07777U, status.st_uid, group_name(status.st_gid));
  let_in(check.system.person, node, status, usb_id, closed);
  check.out.push_back(std::move(closed));
  return false;
}

/// Programs that take serial ports by themselves, and how to keep them off.
void keep_off(const std::string& program, const std::string& usb_id, Finding& finding) {
  if (program == "ModemManager") {
    finding.remedy = "it tries every new port for a modem: tell it to leave this one alone, or remove it";
    if (usb_id.size() == 9)
      finding.commands = rule_command(
          fmt::format(R"(ATTRS{{idVendor}}=="{}", ATTRS{{idProduct}}=="{}", ENV{{ID_MM_DEVICE_IGNORE}}="1")",
                      usb_id.substr(0, 4), usb_id.substr(5)));
    else
      finding.commands = {"sudo systemctl disable --now ModemManager"};
  } else if (program == "brltty") {
    finding.remedy = "it takes ports with this chip for braille displays: remove it, or mask its rule";
    finding.commands = {"sudo systemctl mask --now brltty-udev.service brltty.service"};
  } else if (program == "mesura") {
    finding.remedy = "another mesura reads it: one port has one reader, which shares its data by `relay`";
  } else {
    finding.remedy = "stop that program; or let it share the data, and read that over TCP";
  }
}

bool check_holders(const PortCheck& check, const std::string& where, const std::string& node,
                   const std::string& usb_id) {
  bool free = true;
  for (const auto& holder : transport::port_holders(node, check.system.root)) {
    if (holder.pid == ::getpid() || holder.far_end) continue;
    if (check.service != 0 && holder.pid == check.service) {
      check.out.push_back({Severity::good, "doc-port", where, node + " is open in the running service"});
      return false;
    }
    free = false;
    Finding held{Severity::error, "doc-port-held", where, node + " is in use by another program"};
    held.expected = "a port that nobody uses";
    held.got = holder.text() + (holder.lock.empty() ? "" : ", by a lock (" + holder.lock + ")");
    keep_off(holder.program, usb_id, held);
    check.out.push_back(std::move(held));
  }
  return free;
}

/// Those that do not have it now, but take it at the next plugging in.
void check_grabbers(const PortCheck& check, const std::string& where, const std::string& usb_id) {
  if (usb_id.empty()) return;
  for (const char* const program : {"ModemManager", "brltty"}) {
    // brltty only wants some chips.
    if (program == std::string_view{"brltty"} && !usb_id.starts_with("1a86:") && usb_id != "10c4:ea60" &&
        usb_id != "0403:6001")
      continue;
    const int pid = transport::find_process(program, check.system.root);
    if (pid == 0) continue;
    Finding grabs{Severity::warning, "doc-port-grabber", where,
                  fmt::format("{} runs (pid {}) and takes such ports when they are plugged in", program, pid)};
    keep_off(program, usb_id, grabs);
    check.out.push_back(std::move(grabs));
  }
}

bool check_node(const PortCheck& check, const std::string& where, const std::string& node, const std::string& usb_id,
                bool serial) {
  if (!check_access(check, where, node, usb_id)) return false;
  const auto before = check.out.size();
  const bool free = check_holders(check, where, node, usb_id);
  if (serial) check_grabbers(check, where, usb_id);
  if (free && check.out.size() == before)
    check.out.push_back({Severity::good, "doc-port", where, node + " is there, free, and may be opened"});
  return free;
}

std::string usb_id_of(const System& system, const std::string& node) {
  for (const auto& port : transport::list_ports(system.root))
    if (port.node == node) return port.usb_id;
  return {};
}

/// Which ports of the kind there are: their lasting names.
std::string others(const System& system, std::string_view kind) {
  std::vector<std::string> paths;
  for (const auto& port : transport::list_ports(system.root))
    if (port.kind == kind && (kind == "hid" || !port.usb_id.empty()))
      paths.push_back(kind == "hid" ? fmt::format("{} ({} {})", port.path, port.usb_id, port.description) : port.path);
  return fmt::format("{}", fmt::join(paths, ", "));
}

void missing(const PortCheck& check, const std::string& where, const std::string& what, std::string_view kind) {
  Finding gone{Severity::error, "doc-port-missing", where, what + " is not there"};
  const std::string ports = others(check.system, kind);
  gone.expected = ports.empty() ? "a device that is plugged in" : "one of: " + ports;
  gone.got = "nothing of that name";
  gone.remedy = ports.empty() ? "nothing that could be it is plugged in: check the cable, then `sudo dmesg | tail`"
                              : "use the name that it has now; names in /dev/serial/by-id survive replugging";
  check.out.push_back(std::move(gone));
}

}  // namespace

std::vector<std::string> hidraw_rule(const std::string& usb_id) {
  return rule_command(fmt::format(
      R"(KERNEL=="hidraw*", ATTRS{{idVendor}}=="{}", ATTRS{{idProduct}}=="{}", GROUP="dialout", MODE="0660")",
      usb_id.substr(0, 4), usb_id.size() > 5 ? usb_id.substr(5) : ""));
}

bool check_serial(const PortCheck& check, const std::string& where, const std::string& path) {
  const std::string resolved = transport::resolve_path(check.system.root + path);
  if (resolved.empty()) {
    if (errno == EACCES) {
      check.out.push_back({Severity::error, "doc-port-access", where, path + " lies where this user may not look",
                           "to pass its directories", "Permission denied"});
      return false;
    }
    missing(check, where, path, "serial");
    return false;
  }
  const std::string node = resolved.substr(check.system.root.size());
  return check_node(check, where, node, usb_id_of(check.system, node), true);
}

bool check_hid(const PortCheck& check, const std::string& where, const config::Value& options) {
  const auto text = [&](const char* key) { return options[key] ? options[key].text() : std::string{}; };
  const auto ports = transport::list_ports(check.system.root);
  if (const std::string path = text("path"); !path.empty()) {
    const std::string resolved = transport::resolve_path(check.system.root + path);
    if (resolved.empty()) {
      missing(check, where, path, "hid");
      return false;
    }
    const std::string node = resolved.substr(check.system.root.size());
    return check_node(check, where, node, usb_id_of(check.system, node), false);
  }
  const auto plain = [](const std::string& id) {
    return id.starts_with("0x") || id.starts_with("0X") ? id.substr(2) : id;
  };
  std::string wanted = fmt::format("{:0>4}:{:0>4}", plain(text("vendor")), plain(text("product")));
  std::transform(wanted.begin(), wanted.end(), wanted.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  bool any = false, good = false;
  for (const auto& port : ports) {
    if (port.kind != "hid" || port.usb_id != wanted) continue;
    any = true;
    good = check_node(check, where, port.node, port.usb_id, false) || good;
  }
  if (!any) missing(check, where, "HID device " + wanted, "hid");
  return good;
}

bool check_port(const PortCheck& check, const std::string& where, const transport::Port& port) {
  return check_node(check, where, port.node, port.usb_id, port.kind == "serial");
}

}  // namespace mesura::doctor
