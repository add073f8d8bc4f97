// The tables that travel with the program: that they can be read, and that what they say is right.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/json.h"
#include "catalog/catalog_data.h"
#include "catalog/claims.h"
#include "catalog/hardware_catalog.h"
#include "catalog/model_catalog.h"
#include "catalog/published.h"
#include "catalog/toml_text.h"

namespace vivace {
namespace {

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return std::string(error.what()) + " " + error.hint();
  }
  return "";
}

TEST(Toml, ErrorsNameTheLine) {
  EXPECT_EQ(parse_toml("a = 1\nb = [true, 2.5, \"x\"]\n", "t")["b"].size(), 3u);
  EXPECT_NE(message_of([] { parse_toml("a = 1\nb = \n", "some.toml"); }).find("some.toml:2"), std::string::npos);
}

TEST(Toml, KeysAreAsOneTypesThem) {
  EXPECT_EQ(catalog_key("RTX 4070 Ti SUPER"), "rtx-4070-ti-super");
  EXPECT_EQ(catalog_key("Apple M3 Max (48 GB)"), "apple-m3-max-48-gb");
  EXPECT_EQ(catalog_key("Llama-3.1-8B"), "llama-3.1-8b");
}

TEST(ModelCatalog, EveryShapeHasACardInEveryCommonMix) {
  EXPECT_GE(model_shapes().size(), 30u);
  for (const ModelShape& shape : model_shapes()) {
    for (const char* mix : {"Q4_K_M", "Q8_0", "F16", "Q2_K", "IQ4_XS"}) {
      EXPECT_GT(shape_card(shape, mix).weight_bytes(), 0u) << shape.name << " " << mix;
    }
  }
  // Parameters as their makers count them, in millions.
  for (const auto& [name, millions] : {std::pair("llama-7b", 6738),
                                       {"llama-13b", 13016},
                                       {"llama-30b", 32529},
                                       {"llama-65b", 65286},
                                       {"llama-2-70b", 68977},
                                       {"llama-3-8b", 8030},
                                       {"mixtral-8x7b", 46703},
                                       {"gemma3-270m", 268},
                                       {"smollm2-135m", 135},
                                       {"qwen3-8b", 8191},
                                       {"qwen3-30b-a3b", 30532}}) {
    const double found = double(shape_card(*find_model_shape(name), "F16").parameters()) / 1e6;
    EXPECT_NEAR(found, millions, millions * 0.005) << name;
  }
  EXPECT_EQ(find_model_shape("Llama-2-7B"), find_model_shape("llama-2-7b"));
  EXPECT_EQ(find_model_shape("no-such-model"), nullptr);
}

TEST(ModelCatalog, AMissingOrMisspeltFieldIsNamed) {
  const std::string row =
      "[[model]]\nname = \"x\"\narchitecture = \"llama\"\nlayers = 2\nembedding = 64\nheads = 2\n"
      "kv_heads = 2\nhead_dim = 32\nvocabulary = 100\ncontext_length = 100\n";
  EXPECT_NE(message_of([&] { read_model_shapes(row, "m.toml"); }).find("m.toml \"x\": feed_forward is missing"),
            std::string::npos);
  EXPECT_NE(
      message_of([&] { read_model_shapes(row + "feed_forward = 9\nlayer = 3\n", "m"); }).find("layer is no field"),
      std::string::npos);
  EXPECT_NE(message_of([&] { read_model_shapes(row + "feed_forward = \"9\"\n", "m"); }).find("must be a number"),
            std::string::npos);
}

TEST(HardwareCatalog, EveryDeviceMakesAMachine) {
  const HardwareCatalog& catalog = hardware_catalog();
  EXPECT_GE(catalog.devices.size(), 70u);
  for (const HardwareRow& row : catalog.devices) {
    const PaperMachine machine = make_paper_machine(catalog, catalog_key(row.name));
    EXPECT_EQ(machine.has_gpu, row.backend != "cpu") << row.name;
    EXPECT_EQ(machine.devices.size(), machine.host.speeds.size());
    for (const DeviceSpeed& speed : machine.host.speeds) EXPECT_GT(speed.bytes_per_second, 0) << row.name;
  }
}

TEST(HardwareCatalog, MachinesAreJoinedAndCounted) {
  const PaperMachine machine = make_paper_machine(hardware_catalog(), "2x RTX 4090 + epyc-9554");
  ASSERT_EQ(machine.devices.size(), 3u);
  EXPECT_EQ(machine.host.physical_cores, 64);
  EXPECT_EQ(machine.devices[2]->info().name, "RTX 4090");
  const PaperMachine sockets = make_paper_machine(hardware_catalog(), "2x epyc-9554");
  EXPECT_EQ(sockets.host.physical_cores, 128);
  EXPECT_EQ(make_paper_machine(hardware_catalog(), "m3-max-40c").name, "Apple M3 Max 40c");
  const std::string unknown = message_of([] { make_paper_machine(hardware_catalog(), "rtx-4099"); });
  EXPECT_NE(unknown.find("rtx-4090"), std::string::npos) << unknown;
  EXPECT_FALSE(message_of([] { make_paper_machine(hardware_catalog(), "99x rtx-4090"); }).empty());
  EXPECT_FALSE(message_of([] { make_paper_machine(hardware_catalog(), ""); }).empty());
}

TEST(HardwareCatalog, SharedMemoryIsDividedAndHasNoLink) {
  const PaperMachine chip = make_paper_machine(hardware_catalog(), "apple-m1-pro-16-gb");
  size_t all = 0;
  for (const auto& device : chip.devices) all += device->info().memory_usable;
  EXPECT_LE(all, size_t{16} << 30);
  EXPECT_EQ(chip.host.speeds[1].link_up, 0);
  EXPECT_TRUE(chip.devices[1]->info().unified_memory);
}

TEST(HardwareCatalog, ABadTableIsNamed) {
  const std::string good = hardware_text();
  const auto with = [&](const std::string& row) {
    return message_of([&] { read_hardware_catalog(good + "\n[[device]]\nname = \"new\"\n" + row, "h.toml"); });
  };
  EXPECT_NE(with("backend = \"cuda\"\nbandwidth_gb_s = 1\n").find("\"new\": memory_gib is missing"), std::string::npos);
  EXPECT_NE(with("backend = \"cuda\"\nmemory_gib = 1\nbandwidth_gb_s = 0\n").find("positive"), std::string::npos);
  EXPECT_NE(with("backend = \"abacus\"\nmemory_gib = 1\nbandwidth_gb_s = 1\n").find("backend.abacus"),
            std::string::npos);
  EXPECT_NE(with("backend = \"cpu\"\nmemory_gib = 1\nbandwidth_gb_s = 1\n").find("cores is missing"),
            std::string::npos);
  EXPECT_NE(with("backend = \"cuda\"\nmemory_gib = 1\nbandwidth_gb_s = 1\nlink = \"isa\"\n").find("pcie4 x16"),
            std::string::npos);
  EXPECT_NE(message_of([] { read_hardware_catalog("[host]\n", "h.toml"); }), "");
}

TEST(Claims, EveryVerdictIsWhatTheArithmeticSays) {
  EXPECT_GE(claims().size(), 20u);
  for (const Claim& claim : claims()) EXPECT_EQ(check_claim(claim).verdict, claim.verdict) << claim.name;
}

std::string figure_of(const char* name, std::string_view figure) {
  for (const Claim& claim : claims()) {
    if (claim.name != name) continue;
    for (const auto& [label, value] : check_claim(claim).figures) {
      if (label == figure) return value;
    }
  }
  return "missing";
}

TEST(Claims, TheDocumentsNumbersAreExact) {
  EXPECT_EQ(figure_of("kv-7b-4096", "f16, bytes"), "2147483648");
  EXPECT_EQ(figure_of("kv-7b-4096", "q8_0, bytes"), "1140850688");
  EXPECT_EQ(figure_of("kv-7b-32k", "f16, bytes"), "17179869184");
  EXPECT_EQ(figure_of("13b-on-8-gb", "layers at 2048 tokens"), "35");
  EXPECT_EQ(figure_of("13b-on-8-gb", "layers at 4096 tokens"), "30");
  EXPECT_EQ(figure_of("30b-on-24-gb", "layers at 2048"), "60");
  EXPECT_LT(std::stoi(figure_of("30b-on-24-gb", "layers at 4096")), 60);
}

TEST(Claims, AnUnknownCheckOrVerdictIsRefused) {
  EXPECT_THROW(check_claim({"n", "q", "no_such_check", "holds", "p"}), Error);
  EXPECT_THROW(
      read_claims("[[claim]]\nname=\"a\"\nquote=\"b\"\ncheck=\"c\"\nverdict=\"maybe\"\nphysics=\"d\"\n", "c.toml"),
      Error);
}

TEST(Published, PredictionsAreWithinTheirBounds) {
  const std::vector<PublishedRow> rows = read_published(published_text(), "published.csv");
  EXPECT_EQ(rows.size(), 450u);
  const PublishedCheck check = check_published(hardware_catalog(), rows);
  EXPECT_EQ(check.results.size(), rows.size());
  EXPECT_LE(median_error(check.results, PublishedUse::kHeldOut, true, ""), 0.15);
  EXPECT_LE(median_error(check.results, PublishedUse::kValidation, true, ""), 0.15);
  for (const PublishedResult& result : check.results) {
    EXPECT_TRUE(result.use != PublishedUse::kUnused || !result.reason.empty()) << result.row->device;
  }
  // The catalogue's constants are those of all scoreboards: near the fit that leaves a third of the devices out.
  for (const BackendFit& fit : check.fits) {
    const double share = hardware_catalog().backend(fit.backend).decode_share;
    EXPECT_NEAR(share, fit.decode_share, 0.2) << fit.backend;
  }
}

TEST(Published, ABadLineIsNamed) {
  const std::string head = "device,backend,engine,model,quant,test,context,value,value_high,unit,note\n";
  EXPECT_EQ(read_published(head + "a,b,c,d,e,tg,0,1,3,t/s,\"x, y\"\n", "p")[0].value, 2);
  EXPECT_NE(message_of([&] { read_published(head + "a,b,c,d,e,tg,0,many,,t/s,\n", "p"); }).find("p:2"),
            std::string::npos);
  EXPECT_NE(message_of([&] { read_published(head + "a,b\n", "p"); }).find("p:2"), std::string::npos);
}

}  // namespace
}  // namespace vivace
