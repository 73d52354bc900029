using System;
using System.Collections.Generic;
using System.Globalization;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Benchmarks;

/// <summary>The comparisons, and what is demanded of ours in them.</summary>
internal static class Rows
{
    private const string Cli = "redis-cli";
    private const string ValkeyCli = "valkey-cli";
    private const string Bare = "bare script";
    private const string Own = "the server's own";
    private const string Us = "ours";
    private const int OpenSlotsEach = 100;
    private const int KeysInOpenSlot = 40;

    /// <param name="keys">How many the large scenes hold.</param>
    public static IReadOnlyList<Row> All(int keys)
    {
        var keysInSlot = keys / 10;
        var full = new Scene(Servers.Redis70) { FillAsync = (bed, cancellation) => Dataset.SpreadAsync(bed, keys, cancellation), Shifts = SlotShift.ToTheEmptyMaster };
        var distant = full with { RoundTrip = TimeSpan.FromMilliseconds(5), Shifts = bed => SlotShift.OfTheFirstMaster(bed, 200) };
        var fullThree = new Scene(Servers.Redis70) { Masters = 3, FillAsync = full.FillAsync };
        var empty = new Scene(Servers.Redis70) { Shifts = SlotShift.ToTheEmptyMaster };
        var oneSlot = new Scene(Servers.Redis70) { FillAsync = (bed, cancellation) => Dataset.OneSlotAsync(bed, 0, keysInSlot, cancellation), Shifts = bed => SlotShift.OfTheFirstMaster(bed, 1) };
        var six = new Scene(Servers.Redis70) { Masters = 3, Replicas = 3 };
        var cutOff = new Scene(Servers.Redis70) { Masters = 10, Owners = 10, FillAsync = (bed, cancellation) => Dataset.OpenSlotsAsync(bed, OpenSlotsEach, KeysInOpenSlot, 15, cancellation) };
        var rebalance = "rebalance from 3 to 4 masters, " + Text(keys) + " small keys";
        return
        [
            new Row(
                "rebalance",
                rebalance,
                full,
                [ClusterTool.Rebalance(Cli), ClusterTool.Rebalance(Cli + ", pipeline 1000", "--cluster-pipeline", "1000"), BareScript.Move(Bare), Ours.Rebalance(Us)])
            {
                Demands = [Demand.Faster(Us, Cli, 4), Demand.Within(Us, Bare, 1.15)],
            },
            new Row(
                "live-client",
                rebalance + ", while two clients GET and SET 500 times a second each",
                full,
                [ClusterTool.Rebalance(Cli), Ours.Rebalance(Us), Ours.Rebalance(Us + ", MaxStall 2 ms", new MoveOptions { MaxStall = TimeSpan.FromMilliseconds(2) })])
            {
                Watch = bed => new LiveClients(bed, keys),
                Demands =
                [
                    Demand.Within(Us, Cli, 1, Metric.LatencyP99),
                    Demand.Faster(Us, Cli, 4),
                    Demand.Within(Us + ", MaxStall 2 ms", Cli, 1, Metric.LatencyP99),
                ],
            },
            new Row("rebalance-empty", "rebalance from 3 to 4 masters, no keys", empty, [ClusterTool.Rebalance(Cli), BareScript.Move(Bare), Ours.Rebalance(Us)])
            {
                Demands = [Demand.Faster(Us, Cli, 8), Demand.Within(Us, Bare, 1.3)],
            },
            new Row(
                "rebalance-valkey",
                rebalance,
                full with { Server = Servers.Valkey91 },
                [ClusterTool.Rebalance(ValkeyCli), ClusterTool.Rebalance(ValkeyCli + ", atomic", "--cluster-use-atomic-slot-migration"), ServersOwn.MigrateSlots(Own), Ours.Rebalance(Us), Ours.Rebalance(Us + ", key by key", new MoveOptions { Method = MoveMethod.KeyByKey })])
            {
                Demands = [Demand.Within(Us, Own, 1.3)],
            },
            new Row("rebalance-redis-8.6", rebalance, full with { Server = Servers.Redis86 }, [ClusterTool.Rebalance(Cli), ServersOwn.Import(Own), Ours.Rebalance(Us)])
            {
                Demands = [Demand.Within(Us, Own, 1.3), Demand.Faster(Us, Cli, 30)],
            },
            new Row(
                "distant",
                "200 slots with " + Text(200L * keys / HashSlot.Count) + " keys, 5 ms round trip to the nodes",
                distant,
                [ClusterTool.Reshard(Cli), ClusterTool.Reshard(Cli + ", pipeline 1000", "--cluster-pipeline", "1000"), BareScript.Move(Bare), Ours.Move(Us)])
            {
                Demands = [Demand.Faster(Us, Cli, 7)],
            },
            new Row(
                "one-slot",
                "one slot with " + Text(keysInSlot) + " keys",
                oneSlot,
                [ClusterTool.Reshard(Cli), BareScript.Move(Bare + ", batches of 1000"), BareScript.Move(Bare + ", batches of 10000", 10_000), Ours.Move(Us)])
            {
                Watch = bed => new StallProbe(bed),
                Demands = [Demand.AtLeast(Us, Metric.KeysPerSecond, 100_000), Demand.AtMost(Us, Metric.LongestStall, 10)],
            },
            new Row("check", "check of 3 masters and 3 replicas", six with { Owners = 3 }, [ClusterTool.Check(Cli), Ours.Test(Us + ", Test-RedisCluster"), Ours.OpenSlots(Us + ", Get-RedisOpenSlot")])
            {
                OnlyReads = true,
                RoundFactor = 4,
                Demands = [Demand.Within(Us + ", Test-RedisCluster", Cli, 2), Demand.Within(Us + ", Get-RedisOpenSlot", Cli, 2)],
            },
            Scale("check-100", 100, [Demand.AtMost(Us, Metric.Seconds, 2)]),
            Scale("check-1000", 1000, []),
            new Row("check-deep", "check of 3 masters with " + Text(keys) + " keys", fullThree, [ClusterTool.Check(Cli), Ours.TestRested(Us, deep: false), Ours.TestRested(Us + ", -Deep", deep: true)])
            {
                OnlyReads = true,
                Demands = [Demand.AtMost(Us + ", -Deep", Metric.Seconds, 5)],
            },
            new Row("import", "Import-Module in a new pwsh", null, [PowerShellImport.OfEmptyModule("empty module"), PowerShellImport.OfOurs(Us)])
            {
                OnlyReads = true,
                RoundFactor = 2,
                Demands = [Demand.Over(Us, "empty module", 150)],
            },
            new Row(
                "fix",
                Text(10 * OpenSlotsEach) + " open slots between 10 masters, " + Text(10 * OpenSlotsEach * KeysInOpenSlot) + " keys on both nodes",
                cutOff,
                [ClusterTool.Fix(Cli), Ours.Repair(Us)]),
        ];
    }

    private static Row Scale(string name, int masters, IReadOnlyList<Demand> demands) => new(
        name, "check of " + Text(masters) + " simulated masters", null, [FakeCluster.Check(Cli, masters), FakeCluster.Test(Us, masters)])
    {
        OnlyReads = true,
        RoundFactor = 2,
        Hindrance = Servers.Missing(Servers.Redis70),
        Demands = demands,
    };

    private static string Text(long number) => number.ToString("#,0", CultureInfo.InvariantCulture);
}
