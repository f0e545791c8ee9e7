#include "src/port/cpu.h"

#include <gtest/gtest.h>

#include <thread>

#include "src/port/temp_dir.h"

namespace infer::port {
namespace {

// A made-up system of `count` processors.
class Machine {
 public:
  explicit Machine(unsigned count) {
    for (unsigned cpu = 0; cpu < count; ++cpu) allowed_.push_back(cpu);
  }
  Machine& siblings(unsigned cpu, const std::string& list,
                    const std::string& file = "core_cpus_list") {
    return put("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/" + file, list);
  }
  Machine& group(const std::string& lines) { return put("proc/self/cgroup", lines); }
  Machine& limit(const std::string& directory, const std::string& max) {
    return put("sys/fs/cgroup" + directory + "/cpu.max", max);
  }
  Machine& limit_v1(const std::string& directory, const std::string& time,
                    const std::string& period) {
    put("sys/fs/cgroup" + directory + "/cpu.cfs_period_us", period);
    return put("sys/fs/cgroup" + directory + "/cpu.cfs_quota_us", time);
  }
  Machine& may_run_on(std::vector<unsigned> cpus) {
    allowed_ = std::move(cpus);
    return *this;
  }
  Cpus cpus() const { return cpus_below(root_.path(), allowed_); }
  unsigned usable() const { return usable_cpus(cpus()); }
  unsigned physical() const { return physical_cores(cpus()); }

 private:
  Machine& put(const std::string& name, const std::string& text) {
    root_.write(name, text + "\n");
    return *this;
  }
  TempDir root_;
  std::vector<unsigned> allowed_;
};

TEST(Cpu, ThisMachineHasAtLeastOne) {
  EXPECT_GE(physical_cores(), 1U);
  EXPECT_LE(physical_cores(), cpus().logical);
  EXPECT_LE(usable_cpus(), std::max(1U, std::thread::hardware_concurrency()));
}

TEST(Cpu, WithoutAnyFileEachProcessorIsACore) {
  const Machine machine(3);
  EXPECT_EQ(machine.usable(), 3U);
  EXPECT_EQ(machine.physical(), 3U);
}

TEST(Cpu, HyperThreadsOfACoreCountOnce) {
  for (const char* file : {"core_cpus_list", "thread_siblings_list"}) {
    Machine machine(8);
    for (unsigned cpu = 0; cpu < 8; ++cpu) {
      const unsigned core = cpu % 4;
      machine.siblings(cpu, std::to_string(core) + "," + std::to_string(core + 4), file);
    }
    EXPECT_EQ(machine.physical(), 4U) << file;
    EXPECT_EQ(machine.usable(), 8U);
    // Both threads of one core and one thread of another.
    EXPECT_EQ(machine.may_run_on({1, 5, 6}).physical(), 2U);
    EXPECT_EQ(machine.usable(), 3U);
  }
}

TEST(Cpu, QuotaOfVersion2) {
  Machine machine(8);
  machine.group("0::/app").limit("/app", "250000 100000");
  EXPECT_EQ(machine.usable(), 3U);
  EXPECT_EQ(machine.physical(), 2U);
  EXPECT_EQ(machine.limit("/app", "max 100000").physical(), 8U);
  EXPECT_EQ(machine.limit("/app", "20000 100000").physical(), 1U) << "a fifth is still one thread";
  EXPECT_EQ(machine.limit("/app", "6400000 100000").physical(), 8U) << "more than there are";
}

TEST(Cpu, TheLowestLimitOfAllLevelsCounts) {
  Machine machine(8);
  machine.group("0::/slice/app/inner")
      .limit("/slice/app/inner", "max 100000")
      .limit("/slice/app", "300000 100000")
      .limit("/slice", "600000 100000");
  EXPECT_EQ(machine.physical(), 3U);
  EXPECT_EQ(machine.limit("", "100000 100000").physical(), 1U);
}

TEST(Cpu, QuotaOfVersion1) {
  for (const char* mount : {"/cpu", "/cpu,cpuacct", "/cpuacct,cpu"}) {
    Machine machine(8);
    machine.group("5:memory:/other\n4:cpuacct,cpu:/box\n0::/");
    machine.limit_v1(std::string(mount) + "/box", "400000", "100000");
    EXPECT_EQ(machine.physical(), 4U) << mount;
    EXPECT_EQ(machine.limit_v1(std::string(mount) + "/box", "-1", "100000").physical(), 8U);
  }
}

// Seen from inside a container the path is the one outside, and only the top level is there.
TEST(Cpu, AGroupThatIsNotMountedHere) {
  Machine machine(8);
  machine.group("4:cpu,cpuacct:/docker/0123").limit_v1("/cpu,cpuacct", "200000", "100000");
  EXPECT_EQ(machine.physical(), 2U);
}

TEST(Cpu, OtherControllersSayNothing) {
  Machine machine(4);
  machine.group("4:cpuset,cpuacct:/box").limit_v1("/cpuset,cpuacct/box", "100000", "100000");
  EXPECT_EQ(machine.physical(), 4U);
}

TEST(Cpu, NonsenseLimitsNothing) {
  for (const char* text : {"", "x", "nan 100000", "-5 100000", "100000", "100000 0", "100000 x",
                           "inf 100000", "1e400 1"}) {
    Machine machine(4);
    machine.group("::\n:\nnothing\n0::relative\n0::/app").limit("/app", text);
    EXPECT_EQ(machine.physical(), 4U) << text;
    EXPECT_EQ(machine.usable(), 4U) << text;
  }
}

}  // namespace
}  // namespace infer::port
