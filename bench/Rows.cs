using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Benchmarks;

/// <summary>The rows of the comparison, with the requirements for our contestants.</summary>
internal static class Rows
{
    internal const string Cli = "redis-cli";
    private const string ValkeyCli = "valkey-cli";
    private const string Bare = "bare script";
    private const string Own = "the server's own";
    internal const string Us = "ours";

    // redis-cli's default is 10.
    private static readonly string[] Pipelines = ["1", "100", "1000"];
    private static readonly int[] Stalls = [1, 2, 5, 10, 20];

    // Keys per second.
    private static readonly int[] Rates = [5_000, 15_000, 30_000];

    /// <param name="keys">The number of keys in the large scenarios.</param>
    public static IReadOnlyList<Row> All(int keys)
    {
        var rebalance = "rebalance from 3 to 4 masters, " + Text(keys) + " small keys";
        var full = new Scenario(Servers.Redis70)
        {
            FillAsync = (cluster, cancellation) => Dataset.SpreadAsync(cluster, keys, cancellation),
            Transfers = SlotTransfer.ToTheEmptyMaster,
        };
        return [.. RebalanceRows(rebalance, full, keys), .. MoveRows(full, keys), .. CheckRows(full, keys), .. RepairRows.All];
    }

    private static Row[] RebalanceRows(string rebalance, Scenario full, int keys) =>
    [
        new Row(
            "rebalance",
            rebalance,
            full,
            [
                ClusterTool.Rebalance(Cli),
                ClusterTool.Rebalance(Cli + ", pipeline 1000", "--cluster-pipeline", "1000"),
                BareScript.Move(Bare),
                Ours.Rebalance(Us),
            ])
        {
            Requirements = [Requirement.Faster(Us, Cli, 6), Requirement.Within(Us, Bare, 1.15)],
        },
        LiveRow("live-client", "masters", replicas: 0, keys),
        LiveRow("live-client-replicas", "masters with a replica each", replicas: 4, keys),
        new Row(
            "rebalance-empty",
            "rebalance from 3 to 4 masters, no keys",
            new Scenario(Servers.Redis70) { Transfers = SlotTransfer.ToTheEmptyMaster },
            [ClusterTool.Rebalance(Cli), BareScript.Move(Bare), Ours.Rebalance(Us)])
        {
            Requirements = [Requirement.Faster(Us, Cli, 10), Requirement.Within(Us, Bare, 1.3)],
        },
        new Row(
            "rebalance-valkey",
            rebalance,
            full with { Server = Servers.Valkey91 },
            [
                ClusterTool.Rebalance(ValkeyCli),
                ClusterTool.Rebalance(ValkeyCli + ", atomic", "--cluster-use-atomic-slot-migration"),
                ServersOwn.MigrateSlots(Own),
                Ours.Rebalance(Us),
                Ours.Rebalance(Us + ", key by key", new MoveOptions { Method = MoveMethod.KeyByKey }),
            ])
        {
            Requirements = [Requirement.Within(Us, Own, 1.1)],
        },
        new Row(
            "valkey-replicas",
            rebalance + " with a replica each",
            full with { Server = Servers.Valkey91, Replicas = 4 },
            [
                ClusterTool.Rebalance(ValkeyCli),
                Ours.Rebalance(Us + ", key by key", new MoveOptions { Method = MoveMethod.KeyByKey }),
            ])
        {
            Requirements = [Requirement.Faster(Us + ", key by key", ValkeyCli, 4)],
        },
        new Row(
            "valkey-replicas-empty",
            "rebalance from 3 to 4 masters with a replica each, 4,096 slots without keys",
            new Scenario(Servers.Valkey91) { Replicas = 4, Transfers = SlotTransfer.ToTheEmptyMaster },
            [
                ClusterTool.Rebalance(ValkeyCli),
                Ours.Rebalance(Us + ", key by key", new MoveOptions { Method = MoveMethod.KeyByKey }),
            ])
        {
            // 0.4 s for 1024 slots, including their opening.
            Requirements = [Requirement.AtMost(Us + ", key by key", Metric.Seconds, 1.6)],
        },
        new Row(
            "rebalance-redis-8.6",
            rebalance,
            full with { Server = Servers.Redis86 },
            [ClusterTool.Rebalance(Cli), ServersOwn.Import(Own), Ours.Rebalance(Us)])
        {
            Requirements = [Requirement.Within(Us, Own, 1.1), Requirement.Faster(Us, Cli, 30)],
        },
    ];

    // The curve of what clients feel against the speed of the move. It takes many moves, so the cluster is smaller.
    private static Row LiveRow(string name, string masters, int replicas, int keys) => new(
        name,
        "rebalance from 3 to 4 " + masters + ", " + Text(keys / 10 * 3) + " small keys, while two clients GET and SET 500 times a second "
            + "each",
        new Scenario(Servers.Redis70)
        {
            Replicas = replicas,
            FillAsync = (cluster, cancellation) => Dataset.SpreadAsync(cluster, keys / 10 * 3, cancellation),
            Transfers = SlotTransfer.ToTheEmptyMaster,
        },
        [
            ClusterTool.Rebalance(Cli),
            .. Pipelines.Select(size => ClusterTool.Rebalance(Cli + ", pipeline " + size, "--cluster-pipeline", size)),
            .. Stalls.Select(stall => Ours.Rebalance(
                Us + ", MaxStall " + Text(stall) + " ms", new MoveOptions { MaxStall = TimeSpan.FromMilliseconds(stall) })),
            .. Rates.Select(rate => Ours.Rebalance(
                Us + ", " + Text(rate) + " keys/s",
                new MoveOptions { MaxStall = TimeSpan.FromMilliseconds(Stalls[0]), MaxKeysPerSecond = rate })),
        ])
    {
        Probe = cluster => new LiveClients(cluster, keys / 10 * 3),
        HasCurve = true,
        Requirements =
        [
            Requirement.OnCurve("ours: at least as fast as redis-cli at the p99 of each of its pipelines", Curve.LeastAdvantage, 1),
            Requirement.OnCurve("ours: at least 1.5× as fast as redis-cli at its p99", row => Curve.Advantage(row, Cli, 1), 1.5),
            Requirement.OnCurve("ours: at least 3× as fast as redis-cli at twice its p99", row => Curve.Advantage(row, Cli, 2), 3),
            Requirement.Faster(Us + ", MaxStall 2 ms", Cli, 1),
        ],
    };

    private static Row[] MoveRows(Scenario full, int keys)
    {
        var keysInSlot = keys / 10;
        return
        [
            Distant("distant", full, keys, TimeSpan.FromMilliseconds(5), ClusterTool.Reshard(Cli)),
            // redis-cli would take minutes.
            Distant("distant-40", full, keys, TimeSpan.FromMilliseconds(40)),
            new Row(
                "one-slot",
                "one slot with " + Text(keysInSlot) + " keys",
                new Scenario(Servers.Redis70)
                {
                    FillAsync = (cluster, cancellation) => Dataset.OneSlotAsync(cluster, 0, keysInSlot, cancellation),
                    Transfers = cluster => SlotTransfer.OfTheFirstMaster(cluster, 1),
                },
                [
                    ClusterTool.Reshard(Cli),
                    BareScript.Move(Bare + ", batches of 1000"),
                    BareScript.Move(Bare + ", batches of 10000", 10_000),
                    Ours.Move(Us),
                ])
            {
                Probe = cluster => new StallProbe(cluster),
                Requirements =
                [
                    Requirement.AtLeast(Us, Metric.KeysPerSecond, 100_000),
                    Requirement.AtMost(Us, Metric.LongestStall, 10),
                ],
            },
        ];
    }

    private static Row Distant(string name, Scenario full, int keys, TimeSpan roundTrip, params Contestant[] tools) => new(
        name,
        "200 slots with " + Text(200L * keys / HashSlot.Count) + " keys, " + Text((long)roundTrip.TotalMilliseconds)
            + " ms round trip to the nodes",
        full with { RoundTrip = roundTrip, Transfers = cluster => SlotTransfer.OfTheFirstMaster(cluster, 200) },
        [.. tools, BareScript.Move(Bare), Ours.Move(Us)])
    {
        Requirements = [.. tools.Select(tool => Requirement.Faster(Us, tool.Name, 7)), Requirement.Within(Us, Bare, 2)],
    };

    private static Row[] CheckRows(Scenario full, int keys) =>
    [
        new Row(
            "check",
            "check of 3 masters and 3 replicas",
            new Scenario(Servers.Redis70) { Masters = 3, Replicas = 3, Owners = 3 },
            [ClusterTool.Check(Cli), Ours.Test(Us + ", Test-RedisCluster"), Ours.OpenSlots(Us + ", Get-RedisOpenSlot")])
        {
            OnlyReads = true,
            RoundFactor = 4,
            Requirements =
            [
                Requirement.Within(Us + ", Test-RedisCluster", Cli, 2),
                Requirement.Within(Us + ", Get-RedisOpenSlot", Cli, 2),
            ],
        },
        ScaleRow("check-100", 100, [Requirement.AtMost(Us, Metric.Seconds, 2)]),
        ScaleRow("check-1000", 1000, []),
        new Row(
            "check-deep",
            "check of 3 masters with " + Text(keys) + " keys",
            new Scenario(Servers.Redis70) { Masters = 3, FillAsync = full.FillAsync },
            [ClusterTool.Check(Cli), Ours.TestIdle(Us, deep: false), Ours.TestIdle(Us + ", -Deep", deep: true)])
        {
            OnlyReads = true,
            Requirements = [Requirement.AtMost(Us + ", -Deep", Metric.Seconds, 5)],
        },
        new Row(
            "import",
            "Import-Module in a new pwsh",
            null,
            [PowerShellImport.OfEmptyModule("empty module"), PowerShellImport.OfOurs(Us)])
        {
            OnlyReads = true,
            RoundFactor = 2,
            Requirements = [Requirement.Over(Us, "empty module", 150)],
        },
        new Row(
            "first-command",
            "Import-Module and the first command in a new pwsh",
            new Scenario(Servers.Redis70) { Masters = 3, Owners = 3 },
            [
                PowerShellImport.OfEmptyModule("empty module"),
                PowerShellImport.OfOurs(Us + ", Connect-RedisCluster", "Connect-RedisCluster"),
                PowerShellImport.OfOurs(Us + ", Get-RedisOpenSlot", "Get-RedisOpenSlot -Cluster"),
            ])
        {
            OnlyReads = true,
            RoundFactor = 2,
            Requirements = [Requirement.Over(Us + ", Connect-RedisCluster", "empty module", 300)],
        },
    ];

    private static Row ScaleRow(string name, int masters, IReadOnlyList<Requirement> requirements) => new(
        name,
        "check of " + Text(masters) + " simulated masters",
        null,
        [FakeCluster.Check(Cli, masters), FakeCluster.Test(Us, masters)])
    {
        OnlyReads = true,
        RoundFactor = 2,
        SkipReason = Servers.Missing(Servers.Redis70),
        Requirements = requirements,
    };

    internal static string Text(long number) => number.ToString("#,0", CultureInfo.InvariantCulture);
}
