using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Core.Tests.Simulation;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>The load of slots, as their owners count it, and plans that even it out.</summary>
public sealed class SlotLoadTests
{
    private const string A = "10.0.0.1:7000";
    private const string B = "10.0.0.2:7000";
    private static readonly string IdOfA = new('a', 40);
    private static readonly string IdOfB = new('b', 40);

    private readonly ScriptedNodes _nodes = new() { Clock = new SimulatedClock() };

    /// <summary>CPU time of a slot by the number of the reading; null where the server does not count.</summary>
    private Func<int, int, long?> _cpu = (slot, reading) => 100 * slot + (slot == 7 ? 900_000 * reading : 0);

    private string _info = "valkey_version:9.1.2\r\n";

    public SlotLoadTests()
    {
        var readings = new Dictionary<string, int> { [A] = 0, [B] = 0 };
        _nodes.Node(A, command => Answer(command, IdOfA, 0, 9, readings[A] += Reads(command)));
        _nodes.Node(B, command => Answer(command, IdOfB, 10, 16383, readings[B] += Reads(command)));
    }

    [Fact]
    public async Task Slots_are_ordered_by_a_measure_and_limited()
    {
        var loads = await LoadsAsync(SlotLoadMeasure.Cpu, first: 3);
        Assert.Equal([(7, A), (19, B), (18, B)], loads.Select(load => (load.Slot, load.Node)));
        Assert.Equal((900_700L, 7L), (loads[0].CpuMicroseconds, loads[0].Keys));
        Assert.Equal((70L, 71L), (loads[0].NetworkInBytes, loads[0].NetworkOutBytes));
        Assert.Null(loads[0].Interval);
        Assert.Equal([19, 18], (await LoadsAsync(SlotLoadMeasure.Keys, first: 2)).Select(load => load.Slot));
    }

    [Fact]
    public async Task Nodes_and_slots_can_be_chosen()
    {
        Assert.Equal([19, 12], (await LoadsAsync(SlotLoadMeasure.Keys, slots: [3, 12, 19], nodes: [B])).Select(load => load.Slot));
        Assert.Equal([12, 3], (await LoadsAsync(SlotLoadMeasure.Keys, slots: [3, 12])).Select(load => load.Slot));
    }

    [Fact]
    public async Task An_interval_counts_what_happened_in_it()
    {
        var loads = await LoadsAsync(SlotLoadMeasure.Cpu, nodes: [A], interval: TimeSpan.FromSeconds(2));
        Assert.Equal((7, 900_000L, TimeSpan.FromSeconds(2)), (loads[0].Slot, loads[0].CpuMicroseconds, loads[0].Interval));
        Assert.All(loads.Skip(1), load => Assert.Equal(0, load.CpuMicroseconds));
    }

    [Theory]
    [InlineData("redis_version:7.0.15", SlotLoadMeasure.Keys, "runs Redis 7.0.15, which does not count", "Get-RedisClusterNode")]
    [InlineData("garnet_version:2.2.8", SlotLoadMeasure.Keys, "runs Garnet 2.2.8, which", "Get-RedisClusterNode")]
    [InlineData("valkey_version:9.1.2", SlotLoadMeasure.Cpu, "CPU time of slots: its setting cluster-slot", "-enabled yes")]
    [InlineData("redis_version:8.2.0", SlotLoadMeasure.NetworkIn, "network bytes of slots: its setting", "-enabled yes")]
    [InlineData("redis_version:8.6.3", SlotLoadMeasure.NetworkOut, "network bytes of slots: its setting", "-enabled \"cpu net\"")]
    [InlineData("redis_version:8.6.3", SlotLoadMeasure.Memory, "memory of slots: its setting", "configuration file")]
    [InlineData("valkey_version:9.1.2", SlotLoadMeasure.Memory, "only Redis 8.4 and later do", "another measure")]
    public async Task What_is_not_counted_is_an_error_that_names_the_version_or_the_setting(
        string info, SlotLoadMeasure measure, string message, string next)
    {
        (_info, _cpu) = (info + "\r\n", (_, _) => null);
        var refused = await Assert.ThrowsAsync<RedisOperationException>(() => LoadsAsync(measure));
        Assert.Equal(FailureCode.NotSupported, refused.Code);
        Assert.Contains(message, refused.Message);
        Assert.Contains(next, refused.NextStep());
        if (measure != SlotLoadMeasure.Keys)
            Assert.Equal(16384, (await LoadsAsync(SlotLoadMeasure.Keys)).Count);
    }

    [Fact]
    public async Task A_hot_slot_moves_to_the_cold_master_and_nothing_else_does()
    {
        // Two hot slots on A; what the slots did before the measurement does not count.
        _cpu = (slot, reading) => 100 * (20 - slot) + (slot is 3 or 7 ? 500_000 * reading : 0);
        using var redis = Open();
        var plan = await redis.PlanRebalanceAsync(new RebalanceOptions { By = RebalanceMeasure.Cpu }, new MoveOptions(), default);
        var move = Assert.Single(plan.Moves);
        Assert.Equal((A, B, "3"), (move.Source, move.Target, move.SlotRanges));
        Assert.Equal([(1_000_000L, 100), (0L, 0)], plan.Before.Select(share => (share.Load!.Value, share.Share)));
        Assert.Equal([(500_000L, 50), (500_000L, 50)], plan.After.Select(share => (share.Load!.Value, share.Share)));
    }

    [Fact]
    public async Task Network_is_both_directions_and_a_quiet_cluster_has_nothing_to_move()
    {
        using var redis = Open();
        var plan = await redis.PlanRebalanceAsync(new RebalanceOptions { By = RebalanceMeasure.Network }, new MoveOptions(), default);
        Assert.Empty(plan.Moves);
        Assert.All(plan.Before, share => Assert.Equal(0, share.Load));
    }

    [Fact]
    public async Task A_plan_by_load_needs_the_load_of_every_master()
    {
        _cpu = (_, _) => null;
        using var redis = Open();
        var refused = await Assert.ThrowsAsync<RedisOperationException>(
            () => redis.PlanRebalanceAsync(new RebalanceOptions { By = RebalanceMeasure.Cpu }, new MoveOptions(), default));
        Assert.Equal(FailureCode.NotSupported, refused.Code);
    }

    private static int Reads(RespCommand command) => command.ToString().StartsWith("CLUSTER SLOT-STATS", StringComparison.Ordinal) ? 1 : 0;

    private RedisCluster Open() => new(RedisClusterSession.Parse(A), _nodes, null) { NextActionText = NextActionText.Of };

    private async Task<IReadOnlyList<RedisSlotLoad>> LoadsAsync(
        SlotLoadMeasure order, int? first = null, IReadOnlyList<string>? nodes = null, int[]? slots = null, TimeSpan? interval = null)
    {
        using var redis = Open();
        return await redis.GetSlotLoadsAsync(order, first, nodes, slots, interval, default);
    }

    private RespValue Answer(RespCommand command, string self, int from, int to, int reading) => command.ToString() switch
    {
        "CLUSTER NODES" => RespValue.Bulk(
            $"{IdOfA} {A}@1 {(self == IdOfA ? "myself," : string.Empty)}master - 0 0 1 connected 0-9\n"
                + $"{IdOfB} {B}@1 {(self == IdOfB ? "myself," : string.Empty)}master - 0 0 2 connected 10-16383\n"),
        "CLUSTER INFO" => RespValue.Bulk("cluster_state:ok\r\n"),
        "INFO" => RespValue.Bulk(_info),
        "DBSIZE" => RespValue.Number(0),
        "CLUSTER MIGRATION STATUS ALL" or "CLUSTER GETSLOTMIGRATIONS" => RespValue.Array([]),
        "CLUSTER SLOT-STATS SLOTSRANGE 0 16383" =>
            RespValue.Array([.. Enumerable.Range(from, to - from + 1).Select(slot => Stats(slot, _cpu(slot, reading)))]),
        { } count when count.StartsWith("CLUSTER COUNTKEYSINSLOT", StringComparison.Ordinal) => RespValue.Number(1),
        _ => RespValue.Error("ERR unknown command " + command),
    };

    // Only the first slots are in use.
    private static RespValue Stats(int slot, long? cpu)
    {
        var used = slot < 20 ? slot : 0;
        List<RespValue> parts = [RespValue.Bulk("key-count"), RespValue.Number(used)];
        if (cpu is { } known)
        {
            known = slot < 20 ? known : 0;
            parts.AddRange(
            [
                RespValue.Bulk("cpu-usec"), RespValue.Number(known), RespValue.Bulk("network-bytes-in"), RespValue.Number(10 * used),
                RespValue.Bulk("network-bytes-out"), RespValue.Number((10 * used) + 1),
            ]);
        }

        return RespValue.Array([RespValue.Number(slot), RespValue.Array(parts)]);
    }
}
