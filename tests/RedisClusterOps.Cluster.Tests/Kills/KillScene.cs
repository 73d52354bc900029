using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Driver;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Kills;

/// <summary>
/// A cluster for many trials, each with a fresh slot of 20 000 keys that is stuck half-way, and a process that works on it.
/// </summary>
/// <remarks>There are no other keys, so each node's count of all its keys proves that none is stray.</remarks>
internal sealed class KillScene : IAsyncDisposable
{
    public const int Keys = 20_000;
    public const int Moved = 8_000;

    private int _trials;

    private KillScene(TestCluster cluster) => Cluster = cluster;

    public TestCluster Cluster { get; }

    public SlotScene Slot { get; private set; } = null!;

    public LocalNode Source => Slot.Source;

    public LocalNode Target => Slot.Target;

    /// <summary>The journal folder of the current trial.</summary>
    public string Journal { get; private set; } = string.Empty;

    /// <summary>Starts three masters. The last of them has no slots at first and is the target.</summary>
    public static async Task<KillScene> StartAsync(
        string server, Func<LocalClusterOptions, LocalClusterOptions>? with = null, int replicas = 0) =>
        new(await TestCluster.StartAsync(server, masters: 3, replicas, with));

    /// <summary>Clears the trial before, and brings a fresh slot to where the operation begins.</summary>
    public async Task BeginAsync(Work work, LocalNode? source = null, LocalNode? target = null)
    {
        foreach (var node in Cluster.Nodes)
        {
            if ((await TestCluster.OwnLineOfAsync(node)).IsMaster)
                await node.SendAsync("FLUSHALL");
            await node.SendAsync("CONFIG", "SET", "cluster-allow-replica-migration", "yes");
        }

        Journal = JournalOfTests.NewFolder();
        Slot = new SlotScene(Cluster, ++_trials, source ?? Cluster.Node(0), target ?? Cluster.Node(2));
        await Slot.WedgeAsync(Keys, Moved);
        if (work == Work.RepairStrays)
            await Slot.SetSlotAsync(Source, "STABLE");
    }

    /// <summary>Starts the operation, slowed down so that a moment can fall into any part of it.</summary>
    /// <param name="keysPerSecond">0 for no limit.</param>
    /// <param name="target">The master that is named as the target; null for the one that the trial began with.</param>
    public Task<OperationProcess> StartAsync(Work work, int keysPerSecond = 0, Host host = Host.Driver, LocalNode? target = null)
    {
        var operation = work switch
        {
            Work.Complete => DriverOperation.Complete,
            Work.Undo or Work.PullBack => DriverOperation.Undo,
            _ => DriverOperation.Repair,
        };
        var request = Request(operation) with
        {
            Slot = Slot.Slot,
            Strategy = work == Work.PullBack ? UndoStrategy.PullBack : UndoStrategy.RoundTrip,
        };
        if (request.Operation != DriverOperation.Repair)
            request = request with { Source = Source.Endpoint.ToString(), Target = (target ?? Target).Endpoint.ToString() };
        return OperationProcess.StartAsync(request with { Options = request.Options with { MaxKeysPerSecond = keysPerSecond } }, host);
    }

    /// <summary>Runs the operation without a rate limit.</summary>
    public async Task<OperationEnd> RunAsync(Work work, Host host = Host.Driver, LocalNode? target = null)
    {
        using var process = await StartAsync(work, host: host, target: target);
        return await process.EndAsync();
    }

    /// <summary>Resumes the newest run of the trial.</summary>
    public Task<OperationEnd> ResumeAsync(Host host = Host.Driver) => OperationProcess.RunAsync(Request(DriverOperation.Resume), host);

    /// <summary>The trial's runs in the journal, newest first.</summary>
    public IReadOnlyList<RedisMigration> Runs() => RedisCluster.GetMigrations(Journal, null);

    public void LoseJournal() => Directory.Delete(Journal, recursive: true);

    /// <summary>Waits until keys are moving.</summary>
    public Task UntilKeysMoveAsync() => UntilAsync(async () => await KeysAsync(Target) != Moved);

    public static async Task UntilAsync(Func<Task<bool>> holds)
    {
        var until = DateTime.UtcNow.AddSeconds(60);
        while (!await holds())
        {
            Assert.True(DateTime.UtcNow < until, "The condition did not become true within 60 seconds.");
            await Task.Delay(20);
        }
    }

    /// <summary>The slot's state in a few words: its owner, its flags, and where its keys are.</summary>
    public async Task<string> WhereAsync()
    {
        var (source, target) = (await TestCluster.OwnLineOfAsync(Source), await TestCluster.OwnLineOfAsync(Target));
        var slot = Slot.Slot;
        var owner = (source.Slots.Contains(slot), target.Slots.Contains(slot)) switch
        {
            (true, false) => "owned by the source",
            (false, true) => "owned by the target",
            (true, true) => "claimed by both",
            _ => "without an owner",
        };
        var flags = string.Concat(
            source.MigratingTo.ContainsKey(slot) ? ", source migrating" : "",
            source.ImportingFrom.ContainsKey(slot) ? ", source importing" : "",
            target.MigratingTo.ContainsKey(slot) ? ", target migrating" : "",
            target.ImportingFrom.ContainsKey(slot) ? ", target importing" : "");
        var keys = await KeysAsync(Target) switch
        {
            0 => "all keys on the source",
            Moved => "keys as at first",
            Keys => "all keys on the target",
            _ => "keys on both",
        };
        return owner + flags + ", " + keys;
    }

    /// <summary>
    /// Asserts that the slot is closed, that every node reports the same owner, and that only the owner holds keys, all of them.
    /// </summary>
    /// <param name="owners">The nodes that may own it.</param>
    public async Task AssertConsistentAsync(params LocalNode[] owners)
    {
        var owner = await Cluster.OwnerOfAsync(Slot.Slot);
        Assert.Contains(owner, owners);
        foreach (var node in Cluster.Nodes.Where(node => node.IsRunning))
        {
            var view = await TestCluster.ViewOfAsync(node);
            Assert.Equal((node.Endpoint, owner.Id), (node.Endpoint, view.Single(line => line.Slots.Contains(Slot.Slot)).Id));
            var own = view.Single(line => (line.Flags & NodeFlags.Myself) != 0);
            Assert.True(
                !own.MigratingTo.ContainsKey(Slot.Slot) && !own.ImportingFrom.ContainsKey(Slot.Slot),
                node.Endpoint + " still has the slot open.");
            if (own.IsMaster)
                Assert.Equal((node.Endpoint, node == owner ? Keys : 0), (node.Endpoint, await KeysAsync(node)));
        }

        await Slot.AssertKeysAsync();
    }

    /// <summary>All keys that a node holds, of any slot.</summary>
    public static async Task<long> KeysAsync(LocalNode node) => (await node.SendAsync("DBSIZE")).Integer;

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    private DriverRequest Request(DriverOperation operation) => new()
    {
        Operation = operation,
        Cluster = string.Join(',', Cluster.Nodes.Where(node => node.IsRunning).Select(node => node.Endpoint)),
        Options = new MoveOptions { Timeout = TimeSpan.FromSeconds(5), JournalPath = Journal },
    };
}
