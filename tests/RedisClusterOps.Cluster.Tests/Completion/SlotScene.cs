using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>
/// One slot of a cluster with its source and target. Brings the slot into a state by hand, runs the core on it and checks the result.
/// </summary>
internal sealed partial class SlotScene(TestCluster cluster, int slot, LocalNode source, LocalNode target)
{
    private const int AtOnce = 1000;

    public TestCluster Cluster => cluster;

    public int Slot => slot;

    public LocalNode Source => source;

    public LocalNode Target => target;

    /// <summary>The keys that <see cref="WriteAsync"/> wrote.</summary>
    public IReadOnlyList<byte[]> Keys { get; private set; } = [];

    public string KeyName(int index) => System.Text.Encoding.UTF8.GetString(Keys[index]);

    /// <summary>Writes keys to the owner. The value of a key follows from its name.</summary>
    public async Task WriteAsync(int keys)
    {
        Keys = LabWedge.KeysOf(slot, keys);
        foreach (var part in Keys.Chunk(AtOnce))
            await PipelineAsync(source, part.Select(key => RespCommand.Of("SET", key, LabWedge.ValueOf(key))));
    }

    /// <summary>The same slot and keys with another source or target, after a failover.</summary>
    public SlotScene With(LocalNode? source = null, LocalNode? target = null) =>
        new(cluster, slot, source ?? Source, target ?? Target) { Keys = Keys };

    /// <summary>Sends CLUSTER SETSLOT to a node.</summary>
    public async Task SetSlotAsync(LocalNode node, string action, LocalNode? peer = null)
    {
        object[] command = peer is null ? ["CLUSTER", "SETSLOT", slot, action] : ["CLUSTER", "SETSLOT", slot, action, peer.Id];
        // Valkey refuses the command until its replicas have confirmed it, which they cannot do while they are still connecting.
        var until = DateTime.UtcNow.AddSeconds(10);
        RespValue reply;
        while ((reply = await node.AskAsync(command)).Text.StartsWith("NOREPLICAS") && DateTime.UtcNow < until)
            await Task.Delay(100);
        reply.OrThrow(node.Endpoint, RespCommand.Of(command));
    }

    /// <summary>Opens the slot on both ends in the right order.</summary>
    public async Task OpenAsync()
    {
        await SetSlotAsync(target, "IMPORTING", source);
        await SetSlotAsync(source, "MIGRATING", target);
    }

    /// <summary>Moves this number of keys by hand, the last ones first.</summary>
    public async Task MoveAsync(int keys)
    {
        foreach (var part in Keys.Reverse().Take(keys).Chunk(AtOnce))
            await source.SendAsync(["MIGRATE", target.Endpoint.Host, target.Endpoint.Port, "", 0, 20_000, "KEYS", .. part]);
    }

    /// <summary>Writes keys, opens the slot and moves some of the keys.</summary>
    public async Task WedgeAsync(int keys, int moved)
    {
        await WriteAsync(keys);
        await OpenAsync();
        await MoveAsync(moved);
    }

    /// <summary>Creates a core, as each cmdlet call does. It starts with one node as the endpoint.</summary>
    /// <param name="patience">The timeout for connecting and for replies, in seconds.</param>
    public RedisCluster Core(OperationLog? log = null, double patience = 5)
    {
        return new RedisCluster(Session(patience), log) { NextActionText = NextActionText.Of };
    }

    private RedisClusterSession Session(double patience) => new(
        [cluster.Nodes.First(node => node.IsRunning).Endpoint],
        cluster.Connection with { ConnectTimeout = TimeSpan.FromSeconds(patience) });

    /// <summary>The slot as Get-RedisOpenSlot shows it; null if it is not open.</summary>
    public async Task<RedisOpenSlot?> ShownAsync()
    {
        using var core = Core();
        return (await core.GetOpenSlotsAsync([slot], default)).SingleOrDefault();
    }

    /// <summary>
    /// Makes a node drop all packets that it receives on the cluster bus, or ends that. The node still sends. After the node timeout it
    /// would flag the other nodes as failed.
    /// </summary>
    public static Task DropBusPacketsAsync(LocalNode node, bool drop) =>
        node.SendAsync("DEBUG", "DROP-CLUSTER-PACKET-FILTER", drop ? -2 : -1);

    /// <summary>Returns the plan that -WhatIf shows.</summary>
    public async Task<SlotPlan> PlanAsync(string? from = null, string? to = null, MoveOptions? options = null)
    {
        using var core = Core();
        return await core.PlanCompletionAsync(slot, from, to, options ?? new MoveOptions(), default);
    }

    /// <summary>Plans and completes the migration, as the cmdlet does.</summary>
    public async Task<SlotOutcome> CompleteAsync(MoveOptions? options = null, OperationLog? log = null, CancellationToken stop = default)
    {
        using var core = Core(log);
        var plan = await core.PlanCompletionAsync(slot, null, null, options ?? new MoveOptions(), default);
        return await core.CarryOutAsync(plan, stop);
    }

    /// <summary>Completes the migration without the lock of this machine, as a run on another machine would.</summary>
    public async Task<SlotOutcome> CompleteWithoutLockAsync()
    {
        using var core = new RedisCluster(Session(5), new NodeConnector(cluster.Connection), null) { KeepsJournal = false };
        var plan = await core.PlanCompletionAsync(slot, null, null, new MoveOptions(), default);
        return await core.CarryOutAsync(plan, default);
    }

    /// <summary>Completes the migration and asserts that it succeeded.</summary>
    public async Task<RedisSlotMigrationResult> CompleteSuccessfullyAsync(MoveOptions? options = null)
    {
        var outcome = await CompleteAsync(options);
        Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
        Assert.Equal(MigrationOutcome.Completed, outcome.Result.Outcome);
        return outcome.Result;
    }

    public static async Task PipelineAsync(LocalNode node, IEnumerable<RespCommand> commands)
    {
        RespCommand[] sent = [.. commands];
        using var connection = await node.ConnectAsync();
        var replies = await connection.SendAsync(sent, null, default);
        for (var i = 0; i < sent.Length; i++)
            replies[i].OrThrow(node.Endpoint, sent[i]);
    }
}
