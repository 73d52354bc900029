using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>A rebalance onto an empty master, and one of its slots that a test disturbs.</summary>
internal sealed class TroubleScene : IAsyncDisposable
{
    private readonly string _server;
    private readonly string _journal = JournalOfTests.NewFolder();

    private TroubleScene(FilledCluster cluster, string server, RedisRebalancePlan plan)
    {
        (Cluster, _server, Plan) = (cluster, server, plan);
        var move = plan.Moves[0];
        (Source, Target) = (cluster.Cluster.NodeOf(move.SourceId), cluster.Cluster.NodeOf(move.TargetId));
        // A slot with a key, from the middle of the slots that move.
        var slots = SlotSet.From(move.Ranges).Slots.Skip(300).ToHashSet();
        KeyNumber = Enumerable.Range(0, cluster.Keys).First(number => slots.Contains(FilledCluster.SlotOf(FilledCluster.Name(number))));
    }

    public FilledCluster Cluster { get; }

    public RedisRebalancePlan Plan { get; private set; }

    public IReadOnlyList<PlanFinding> Findings { get; private set; } = [];

    public LocalNode Source { get; }

    public LocalNode Target { get; }

    public int KeyNumber { get; }

    public string Key => FilledCluster.Name(KeyNumber);

    public int Slot => FilledCluster.SlotOf(Key);

    public static async Task<TroubleScene> StartAsync(string server, int keys)
    {
        var cluster = await FilledCluster.StartAsync(server, keys);
        return new TroubleScene(cluster, server, await PlanAsync(cluster));
    }

    /// <summary>Plans again with the current content of the slots.</summary>
    public async Task PlanAgainAsync() => Plan = await PlanAsync(Cluster);

    /// <summary>Writes a key to the target. It is hidden there, because the target does not own the slot.</summary>
    public async Task StrayAsync(string key, string value)
    {
        await Target.SendAsync("CLUSTER", "SETSLOT", Slot, "IMPORTING", Source.Id);
        using var connection = await Target.ConnectAsync();
        Assert.Equal(
            "OK", (await connection.SendAsync([RespCommand.Of("ASKING"), RespCommand.Of("SET", key, value)], null, default))[1].Text);
        // On other servers the slot can be closed again. Redis 8.6 would delete the key, so the slot stays half-open there.
        if (_server != Servers.Redis86)
            await Target.SendAsync("CLUSTER", "SETSLOT", Slot, "STABLE");
    }

    public async Task<IReadOnlyList<SlotOutcome>> RunAsync(MoveOptions options)
    {
        using var core = new RedisCluster(Cluster.Session);
        var plan = Plan with { Moves = [.. Plan.Moves.Select(move => move with { DecidedMethod = options.Method })] };
        Findings = (await core.CheckMovesAsync(plan, options, default)).Findings;
        return await MoveRuns.CarryOutAsync(core, plan, options with { JournalPath = _journal });
    }

    public async Task<IReadOnlyList<SlotOutcome>> ResumeAsync(MoveOptions options)
    {
        using var core = new RedisCluster(Cluster.Session);
        options = options with { JournalPath = _journal };
        return await MoveRuns.CarryOutAsync(core, (await core.PlanResumeOfMovesAsync(null, options, default))!, options);
    }

    public async Task AssertMovedAsync()
    {
        Assert.Equal(Cluster.OwnersIn(Plan.After), await Cluster.OwnersAsync());
        await Cluster.AssertConsistentAsync();
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    private static async Task<RedisRebalancePlan> PlanAsync(FilledCluster cluster)
    {
        using var core = new RedisCluster(cluster.Session);
        return await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, new MoveOptions(), default);
    }
}
