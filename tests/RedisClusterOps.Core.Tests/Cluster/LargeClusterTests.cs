using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning.Rebalance;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>The largest cluster size that Redis recommends, with all slots open.</summary>
/// <remarks>Not in parallel with other tests, whose memory would be counted here.</remarks>
[CollectionDefinition(nameof(LargeClusterTests), DisableParallelization = true)]
[Collection(nameof(LargeClusterTests))]
public class LargeClusterTests(ITestOutputHelper output)
{
    private const int Nodes = 1000;
    private const int Masters = Nodes / 2;
    private const long MaxMemory = 300L << 20;
    private static readonly DateTime Now = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
    private static readonly RedisClusterSession Session = RedisClusterSession.Parse("10.0.0.0:6379");

    [Fact]
    public async Task A_thousand_nodes_with_every_slot_open_are_read_merged_and_diagnosed()
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var peak = 0L;
        var clock = Stopwatch.StartNew();
        var view = await ReadAsync(() => peak = Math.Max(peak, GC.GetGCMemoryInfo().HeapSizeBytes - before));
        Note("read and merged");
        var merging = Stopwatch.StartNew();
        view = ViewMerge.Of([.. view.Nodes.Select(node => node.View!)], new Dictionary<NodeEndpoint, RedisOperationException>(), Session);
        output.WriteLine("of that, merged in " + merging.ElapsedMilliseconds.ToString(CultureInfo.InvariantCulture) + " ms; at most "
            + Megabytes(peak) + " MB survived a collection while reading");
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, 0, MaxMemory);
        Assert.InRange(peak, 1, MaxMemory);
        Assert.Equal(0, view.UnownedSlots.Count);
        Assert.Equal(2 * HashSlot.Count, view.OpenFlags.Count);

        var suspects = SlotDiagnostician.Suspects(view);
        Assert.Equal(HashSlot.Count, suspects.Count);
        var open = suspects
            .Select(slot =>
                new SlotSituation(view, slot, new Dictionary<string, long?> { [Id(OwnerIndex(slot))] = 10, [Id(TargetIndex(slot))] = 5 }))
            .Select(situation => SlotAdvice.Describe(SlotDiagnostician.Diagnose(situation)!, Session))
            .ToList();
        Note("diagnosed");
        Assert.All(open, slot => Assert.Equal((RedisOpenSlotState.Migrating, 33), (slot.State, slot.PercentComplete)));

        var reported = NodeReport.Nodes(view, Session);
        Note("reported");
        Assert.Equal(Nodes, reported.Count);
        Assert.Equal(HashSlot.Count, reported.Sum(node => node.SlotCount));

        var health = HealthCheck.Check(view, reported, open, null, new HealthOptions { MinimumReplica = 1 }, Session);
        Note("checked");
        Assert.InRange(health.Findings.Count, 1, Masters);
        Assert.Equal(HashSlot.Count, health.OpenSlots.Count);
        Assert.All(health.Findings, finding => Assert.Equal(FindingCode.SlotOpen, finding.Code));
        Assert.Equal(Masters, NodeReport.Info(view, open.Count, Session).Size);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, 0, MaxMemory);
        GC.KeepAlive(view);
        GC.KeepAlive(health);

        void Note(string what) => output.WriteLine(
            what + " after " + clock.ElapsedMilliseconds.ToString(CultureInfo.InvariantCulture) + " ms, "
            + Megabytes(GC.GetTotalMemory(forceFullCollection: true) - before) + " MB more than before");
    }

    [Fact]
    public async Task A_thousand_nodes_with_every_slot_open_are_merged_and_planned()
    {
        var nodes = (await ReadAsync(() => { })).Nodes;
        var counts = new SlotCounts();
        for (var slot = 0; slot < HashSlot.Count; slot++)
        {
            counts.Set(slot, 10, 1000);
            counts.SetLoad(slot, 100);
        }

        foreach (var by in Enum.GetValues<RebalanceMeasure>())
        {
            // Once for what is made ready once in a process.
            RedisRebalancePlan? plan = null;
            for (var run = 0; run < 2; run++)
            {
                var clock = Stopwatch.StartNew();
                var allocated = GC.GetAllocatedBytesForCurrentThread();
                var view = new ClusterView(nodes, Now);
                // Each master has its share; the first fifty are to be emptied, and every slot of theirs would move: which all are open.
                var refusal = Assert.Throws<RedisOperationException>(() =>
                    RebalancePlanner.Plan(view, Drained(by), counts, MoveMethod.Auto, Session));
                Assert.Equal((FailureCode.SlotStateUnsuitable, "Repair-RedisCluster"), (refusal.Code, refusal.NextStep()));
                plan = RebalancePlanner.Plan(view, new RebalanceOptions { By = by, Threshold = 5 }, counts, MoveMethod.Auto, Session);
                allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
                output.WriteLine(
                    "by {0}: viewed and planned twice in {1} ms, {2} MB allocated",
                    by,
                    clock.ElapsedMilliseconds.ToString(CultureInfo.InvariantCulture),
                    (allocated >> 20).ToString(CultureInfo.InvariantCulture));
                Assert.InRange(allocated, 0, 100L << 20);
            }

            Assert.Empty(plan!.Moves);
            Assert.Equal(HashSlot.Count, plan.After.Sum(share => share.SlotCount));
        }
    }

    private static RebalanceOptions Drained(RebalanceMeasure by) =>
        new() { By = by, Weights = Enumerable.Range(0, 50).ToDictionary(Id, _ => 0.0) };

    // Masters first, then one replica of each. Every slot is on its way to the next master. Each node's text comes as from a server.
    private static async Task<ClusterView> ReadAsync(Action meanwhile)
    {
        var lines = Enumerable.Range(0, Nodes).Select(Line).ToArray();
        var nodes = new ScriptedNodes();
        for (var i = 0; i < Nodes; i++)
        {
            var index = i;
            nodes.Node(Host(index) + ":6379", command => Answer(lines, index, command, meanwhile));
        }

        using var connections = new ClusterConnections(nodes);
        return await new ClusterReader(Session, connections).ReadAsync(null, default);
    }

    private static RespValue Answer(string[] lines, int index, RespCommand command, Action meanwhile)
    {
        if (command.ToString() != "CLUSTER NODES")
            return command.ToString() == "INFO" ? RespValue.Bulk("redis_version:7.0.15") : RespValue.Number(0);
        lock (lines)
            meanwhile();
        // Each node has its own ping times.
        var own = lines[index].Replace(" master", " myself,master").Replace(" slave", " myself,slave") + Flags(index);
        return RespValue.Bulk(string.Join('\n', lines.Select((line, i) =>
            i == index ? own : line.Replace(" 0 17", " 0 " + (18 + (index % 80)).ToString(CultureInfo.InvariantCulture)))));
    }

    private static string Megabytes(long bytes) => (bytes / 1048576).ToString(CultureInfo.InvariantCulture);

    private static string Line(int index) =>
        Id(index) + " " + Host(index) + ":6379@16379 " + (index < Masters ? "master -" : "slave " + Id(index - Masters))
            + " 0 1700000000000 " + (index % Masters + 1) + " connected"
        + (index < Masters ? " " + SlotSet.From(SlotsOf(index)) : string.Empty);

    private static string Flags(int index) => index >= Masters ? string.Empty : string.Concat(
        SlotsOf(index).Select(slot => " [" + slot + "->-" + Id(TargetIndex(slot)) + "]").Concat(
        SlotsOf((index + Masters - 1) % Masters).Select(slot => " [" + slot + "-<-" + Id(OwnerIndex(slot)) + "]")));

    private static IEnumerable<int> SlotsOf(int index) => Enumerable.Range(0, HashSlot.Count).Where(slot => OwnerIndex(slot) == index);

    private static string Host(int index) => "10.0." + (index / 250) + "." + (index % 250);

    private static int OwnerIndex(int slot) => slot * Masters / HashSlot.Count;

    private static int TargetIndex(int slot) => (OwnerIndex(slot) + 1) % Masters;

    private static string Id(int index) => index.ToString("x8", CultureInfo.InvariantCulture).PadLeft(40, '0');
}
