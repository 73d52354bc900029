using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.FrontDoor;
using RedisClusterOps.Lab;
using RedisClusterOps.Topology;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Kills;

/// <summary>A cluster for many trials, each with a fresh slot of 20 000 keys that is stuck half-way, and rco as a process to work on it.</summary>
/// <remarks>There are no keys but those of the trial, so each node's count of all its keys proves that none is astray.</remarks>
internal sealed class KillScene : IAsyncDisposable
{
    public const int Keys = 20_000;
    public const int Moved = 8_000;

    private readonly RcoHome _rco = new();
    private int _trials;

    private KillScene(TestCluster cluster) => Cluster = cluster;

    public TestCluster Cluster { get; }

    public SlotScene Slot { get; private set; } = null!;

    public LocalNode Source => Slot.Source;

    public LocalNode Target => Slot.Target;

    /// <summary>The journal's folder of the present trial.</summary>
    public string Journal { get; private set; } = string.Empty;

    /// <summary>Three masters, the last of them without slots at first; it is the target.</summary>
    public static async Task<KillScene> StartAsync(string server, Func<LocalClusterOptions, LocalClusterOptions>? with = null, int replicas = 0) =>
        new(await TestCluster.StartAsync(server, masters: 3, replicas, with));

    /// <summary>Forgets the trial before, and brings a slot to where the work begins.</summary>
    public async Task BeginAsync(Work work, LocalNode? source = null, LocalNode? target = null)
    {
        foreach (var node in Cluster.Nodes)
        {
            if ((await TestCluster.OwnLineOfAsync(node)).IsMaster)
                await node.SendAsync("FLUSHALL");
            await node.SendAsync("CONFIG", "SET", "cluster-allow-replica-migration", "yes");
        }

        var trial = ++_trials;
        Journal = _rco.Folder("journal-" + trial);
        Slot = new SlotScene(Cluster, trial, source ?? Cluster.Node(0), target ?? Cluster.Node(2));
        await Slot.WedgeAsync(Keys, Moved);
        if (work == Work.RepairStrays)
            await Slot.SetSlotAsync(Source, "STABLE");
    }

    /// <summary>rco at the work, slowed so that a moment can fall into any part of it.</summary>
    /// <param name="keysPerSecond">0 for as fast as it goes.</param>
    public RcoProcess Start(Work work, int keysPerSecond = 0)
    {
        string[] ends = ["--source", Source.Endpoint.ToString(), "--target", Target.Endpoint.ToString()];
        string[] command = work switch
        {
            Work.Complete => ["complete", .. ends],
            Work.Undo => ["undo", .. ends],
            Work.PullBack => ["undo", "--strategy", "PullBack", .. ends],
            _ => ["repair"],
        };
        return Start([.. command, "--slot", Slot.Slot.ToString()], keysPerSecond);
    }

    /// <summary>rco resume.</summary>
    public RcoProcess Resume() => Start(["resume"], 0);

    /// <summary>A command that rco itself said to run.</summary>
    public Task<RcoRun> RunAsync(string[] next) => _rco.RunAsync([.. next, "--json", "--journal-path", Journal]);

    /// <summary>What the journal holds of the trial, newest first.</summary>
    public IReadOnlyList<RedisMigration> Runs() => RedisCluster.GetMigrations(Journal, null);

    public void LoseJournal() => Directory.Delete(Journal, recursive: true);

    /// <summary>Waits until keys are on the move.</summary>
    public Task UntilAtWorkAsync() => UntilAsync(async () => await KeysAsync(Target) != Moved);

    public static async Task UntilAsync(Func<Task<bool>> holds)
    {
        var until = DateTime.UtcNow.AddSeconds(60);
        while (!await holds())
        {
            Assert.True(DateTime.UtcNow < until, "It did not come to pass.");
            await Task.Delay(20);
        }
    }

    /// <summary>Where the slot is, in a few words: who owns it, which flags there are, how many keys have moved.</summary>
    public async Task<string> WhereAsync()
    {
        var (source, target) = (await TestCluster.OwnLineOfAsync(Source), await TestCluster.OwnLineOfAsync(Target));
        var slot = Slot.Slot;
        var owner = (source.Slots.Contains(slot), target.Slots.Contains(slot)) switch
        {
            (true, false) => "source's",
            (false, true) => "target's",
            (true, true) => "claimed by both",
            _ => "nobody's",
        };
        var flags = string.Concat(
            source.MigratingTo.ContainsKey(slot) ? ", source migrating" : "", source.ImportingFrom.ContainsKey(slot) ? ", source importing" : "",
            target.MigratingTo.ContainsKey(slot) ? ", target migrating" : "", target.ImportingFrom.ContainsKey(slot) ? ", target importing" : "");
        var keys = await KeysAsync(Target) switch
        {
            0 => "all at the source",
            Moved => "keys as at first",
            Keys => "all at the target",
            _ => "keys on both",
        };
        return owner + flags + ", " + keys;
    }

    /// <summary>The slot is closed, one node owns it for everybody, and that one has every key, and nobody else any.</summary>
    /// <param name="owners">Who may own it.</param>
    public async Task AssertInOrderAsync(params LocalNode[] owners)
    {
        var owner = await Cluster.OwnerOfAsync(Slot.Slot);
        Assert.Contains(owner, owners);
        foreach (var node in Cluster.Nodes.Where(node => node.IsRunning))
        {
            var view = await TestCluster.ViewOfAsync(node);
            Assert.Equal((node.Endpoint, owner.Id), (node.Endpoint, view.Single(line => line.Slots.Contains(Slot.Slot)).Id));
            var own = view.Single(line => (line.Flags & NodeFlags.Myself) != 0);
            Assert.True(!own.MigratingTo.ContainsKey(Slot.Slot) && !own.ImportingFrom.ContainsKey(Slot.Slot), node.Endpoint + " still has the slot open.");
            if (own.IsMaster)
                Assert.Equal((node.Endpoint, node == owner ? Keys : 0), (node.Endpoint, await KeysAsync(node)));
        }

        await Slot.AssertKeysAsync();
    }

    /// <summary>All keys that a node holds, of whatever slot.</summary>
    public static async Task<long> KeysAsync(LocalNode node) => (await node.SendAsync("DBSIZE")).Integer;

    public async ValueTask DisposeAsync()
    {
        _rco.Dispose();
        await Cluster.DisposeAsync();
    }

    private RcoProcess Start(string[] command, int keysPerSecond) => _rco.Start(
    [
        .. command, "--json", "--max-keys-per-second", keysPerSecond.ToString(), "--timeout", "5s", "--journal-path", Journal,
        "--cluster", string.Join(',', Cluster.Nodes.Where(node => node.IsRunning).Select(node => node.Endpoint)),
    ]);
}
