using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>The copy of a key on one node.</summary>
/// <param name="Type">The reply to TYPE; <c>none</c> if the key does not exist.</param>
/// <param name="Dump">The reply to DUMP, in hexadecimal digits.</param>
/// <param name="ExpiresAt">Milliseconds since 1970; -1 without expiry.</param>
internal sealed record SideCopy(string Type, string Dump, long ExpiresAt)
{
    public static readonly SideCopy None = new("none", string.Empty, -1);

    /// <summary>Asserts that the other copy has the same bytes and the same expiry.</summary>
    public void AssertSameAs(SideCopy other)
    {
        Assert.Equal((Type, Dump), (other.Type, other.Dump));
        Assert.InRange(Math.Abs(ExpiresAt - other.ExpiresAt), 0, 1500);
    }
}

/// <summary>A slot with its source and target. Keys can be written to either node directly, without redirects.</summary>
internal sealed class MovingSlot(TestCluster cluster, int slot, LocalNode? source = null, LocalNode? target = null)
{
    public TestCluster Cluster => cluster;

    public int Slot => slot;

    public LocalNode Source { get; } = source ?? cluster.Node(0);

    public LocalNode Target { get; } = target ?? cluster.Masters[^1];

    public RedisClusterSession Session { get; set; } = new([cluster.Node(0).Endpoint], cluster.Connection);

    /// <summary>A key of the slot with this suffix.</summary>
    public byte[] Key(string ending) => Key(Encoding.UTF8.GetBytes(ending));

    public byte[] Key(byte[] ending) => [(byte)'{', .. LabWedge.KeysOf(slot, 1)[0], (byte)'}', .. ending];

    /// <summary>Sets both flags in the right order.</summary>
    public async Task OpenAsync()
    {
        await Target.SendAsync("CLUSTER", "SETSLOT", slot, "IMPORTING", Source.Id);
        await Source.SendAsync("CLUSTER", "SETSLOT", slot, "MIGRATING", Target.Id);
    }

    public Task<RespValue> OnSourceAsync(params object[] command) => Source.SendAsync(command);

    /// <summary>Runs a command on the importing node, after ASKING.</summary>
    public async Task<RespValue> OnTargetAsync(params object[] command)
    {
        using var connection = await Target.ConnectAsync();
        var sent = RespCommand.Of(command);
        return (await connection.SendAsync([RespCommand.Of("ASKING"), sent], null, default))[1].OrThrow(Target.Endpoint, sent);
    }

    public Task<SideCopy> SourceCopyAsync(byte[] key) => CopyAsync(Source, key);

    public Task<SideCopy> TargetCopyAsync(byte[] key) => CopyAsync(Target, key);

    public Task<long> KeysOnSourceAsync() => TestCluster.CountKeysAsync(Source, slot);

    public async Task<SlotOutcome> CompleteAsync(MoveOptions? options = null, OperationLog? log = null, CancellationToken stop = default)
    {
        using var redis = Core(new NodeConnector(Session.Options), log);
        return await redis.CarryOutAsync(await redis.PlanCompletionAsync(slot, null, null, options ?? new MoveOptions(), stop), stop);
    }

    /// <summary>Completes the slot and runs a hook before each send.</summary>
    public async Task<SlotOutcome> CompleteAsync(
        Func<NodeEndpoint, IReadOnlyList<RespCommand>, Task> before, MoveOptions? options = null, OperationLog? log = null)
    {
        using var planner = new RedisCluster(Session);
        var plan = await planner.PlanCompletionAsync(slot, null, null, options ?? new MoveOptions(), default);
        using var redis = Core(new HookedConnector(new NodeConnector(Session.Options), before), log);
        return await redis.CarryOutAsync(plan, default);
    }

    // Without a journal there is no lock, so several slots of one cluster can be completed at the same time, as from several machines.
    private RedisCluster Core(INodeConnector connector, OperationLog? log) => new(Session, connector, log) { KeepsJournal = false };

    /// <summary>Completes the slot and freezes the target just before the first MIGRATE.</summary>
    public Task<SlotOutcome> CompleteWithFrozenTargetAsync(MoveOptions options, OperationLog log)
    {
        var frozen = false;
        return CompleteAsync(
            (_, commands) =>
            {
                if (!frozen && commands[0].ToString().StartsWith("MIGRATE ", StringComparison.Ordinal))
                {
                    Target.Stop();
                    frozen = true;
                }

                return Task.CompletedTask;
            },
            options,
            log);
    }

    /// <summary>Completes the slot and asserts that it succeeds.</summary>
    public async Task<RedisSlotMigrationResult> CompletedAsync(MoveOptions? options = null)
    {
        var outcome = await CompleteAsync(options);
        Assert.Null(outcome.Failure);
        Assert.Equal(MigrationOutcome.Completed, outcome.Result.Outcome);
        await AssertClosedAsync();
        return outcome.Result;
    }

    /// <summary>Completes the slot and asserts that it fails with this code and leaves the slot open on both nodes.</summary>
    public async Task<RedisOperationException> FailsAsync(FailureCode code, MoveOptions? options = null)
    {
        var outcome = await CompleteAsync(options);
        Assert.NotNull(outcome.Failure);
        Assert.True(code == outcome.Failure.Code, outcome.Failure.Code + ": " + outcome.Failure.Message);
        Assert.Equal(MigrationOutcome.Failed, outcome.Result.Outcome);
        await AssertOpenAsync();
        return outcome.Failure;
    }

    /// <summary>
    /// Asserts that every running node reports the target as the owner, no node has a flag for the slot, and no key is left on the
    /// source.
    /// </summary>
    public async Task AssertClosedAsync()
    {
        foreach (var node in cluster.Nodes.Where(node => node.IsRunning))
        {
            var lines = await TestCluster.ViewOfAsync(node);
            var owners = string.Join(' ', lines.Where(line => line.Slots.Contains(slot)).Select(line => line.Id));
            Assert.True(owners == Target.Id, node.Endpoint + " reports '" + owners + "' as the owner of " + slot + ", not "
                + Target.Id + ":\n" + string.Join('\n', lines));
            Assert.DoesNotContain(
                lines, line => line.IsMaster && (line.MigratingTo.ContainsKey(slot) || line.ImportingFrom.ContainsKey(slot)));
        }

        if (!cluster.IsGarnet)
            Assert.Equal(0, await KeysOnSourceAsync());
    }

    public async Task AssertOpenAsync()
    {
        Assert.Equal(Target.Id, (await TestCluster.OwnLineOfAsync(Source)).MigratingTo[slot]);
        Assert.Equal(Source.Id, (await TestCluster.OwnLineOfAsync(Target)).ImportingFrom[slot]);
        Assert.Contains(slot, (await TestCluster.OwnLineOfAsync(Source)).Slots.Slots);
    }

    private static async Task<SideCopy> CopyAsync(LocalNode node, byte[] key)
    {
        using var connection = await node.ConnectAsync();
        RespCommand[] questions = [RespCommand.Of("TYPE", key), RespCommand.Of("DUMP", key), RespCommand.Of("PTTL", key)];
        var replies = await connection.SendAsync(
            [.. questions.SelectMany(question => new[] { RespCommand.Of("ASKING"), question })], null, default);
        var (type, dump, left) = (replies[1], replies[3], replies[5]);
        // A migrating source redirects requests for a moved key to the target.
        if (type.IsError && (ServerErrors.StartsWith(type.Text, "ASK ") || ServerErrors.StartsWith(type.Text, "MOVED ")))
            return SideCopy.None;
        type.OrThrow(node.Endpoint, questions[0]);
        var expiry = left.Integer < 0 ? -1 : DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + left.Integer;
        return type.Text == "none" ? SideCopy.None : new SideCopy(type.Text, Convert.ToHexString(dump.Bytes), expiry);
    }
}
