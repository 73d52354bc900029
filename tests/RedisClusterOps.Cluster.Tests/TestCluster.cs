using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>A real cluster for one test.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly LocalClusterOptions _options;

    // A killed test run leaves clusters. The next run ends them.
    static TestCluster()
    {
        foreach (var orphan in LabRecord.All().Where(lab => lab.Owner is not null && lab.IsUnowned()))
            orphan.End();
    }

    private TestCluster(LocalCluster cluster, LocalClusterOptions options)
    {
        Cluster = cluster;
        _options = options;
    }

    public LocalCluster Cluster { get; }

    public IReadOnlyList<LocalNode> Nodes => Cluster.Nodes;

    public IReadOnlyList<LocalNode> Masters => Cluster.Masters;

    public IReadOnlyList<LocalNode> Replicas => Cluster.Replicas;

    public IReadOnlyList<NodeEndpoint> Endpoints => [.. Nodes.Select(node => node.Endpoint)];

    public ConnectionOptions Connection => _options.Connection;

    public bool IsGarnet => _options.Server.Kind == ServerEngine.Garnet;

    public bool IsValkey => _options.Server.Kind == ServerEngine.Valkey;

    /// <summary>Starts a cluster: by default the first masters share all slots and the last has none.</summary>
    /// <param name="server">A name of <see cref="Servers"/>.</param>
    /// <param name="masters">At least one.</param>
    /// <param name="replicas">The total number of replicas.</param>
    /// <param name="with">Changes other options.</param>
    public static async Task<TestCluster> StartAsync(
        string server, int masters = 4, int replicas = 0, Func<LocalClusterOptions, LocalClusterOptions>? with = null)
    {
        var options = new LocalClusterOptions { Server = Servers.Get(server), Masters = masters, Replicas = replicas };
        options = with?.Invoke(options) ?? options;
        if (options.Server.Kind == ServerEngine.Garnet)
            options = options with { GarnetArguments = [.. options.GarnetArguments, "--commandstats-monitor"] };
        return new TestCluster(await LocalCluster.StartAsync(options), options);
    }

    public LocalNode Node(int index) => Nodes[index];

    /// <summary>The node with this id.</summary>
    public LocalNode NodeOf(string id) => Nodes.Single(node => node.Id == id);

    public LocalNode NodeAt(NodeEndpoint endpoint) => Nodes.Single(node => node.Endpoint == endpoint);

    /// <summary>The view of one node: its reply to <c>CLUSTER NODES</c>.</summary>
    public static async Task<IReadOnlyList<NodeLine>> ViewOfAsync(LocalNode node) =>
        ClusterNodesParser.Parse((await node.SendAsync("CLUSTER", "NODES")).Text);

    /// <summary>The line of a node about itself, with its open slots.</summary>
    public static async Task<NodeLine> OwnLineOfAsync(LocalNode node) =>
        (await ViewOfAsync(node)).Single(line => (line.Flags & NodeFlags.Myself) != 0);

    /// <summary>The master that owns the slot in the first node's view.</summary>
    public async Task<LocalNode> OwnerOfAsync(int slot) =>
        NodeOf((await ViewOfAsync(Nodes.First(node => node.IsRunning))).Single(line => line.IsMaster && line.Slots.Contains(slot)).Id);

    /// <summary>The number of keys of the slot on a node.</summary>
    /// <exception cref="RedisServerException">Garnet counts only the slots that the node owns.</exception>
    public static async Task<long> CountKeysAsync(LocalNode node, int slot) =>
        (await node.SendAsync("CLUSTER", "COUNTKEYSINSLOT", slot)).Integer;

    /// <summary>Promotes a replica by a manual failover.</summary>
    /// <remarks>
    /// The server silently cancels a manual failover after five seconds, so on a busy machine the command has to be repeated.
    /// </remarks>
    public static async Task PromoteAsync(LocalNode replica)
    {
        var (until, asked) = (DateTime.UtcNow.AddSeconds(60), DateTime.MinValue);
        for (var reply = string.Empty; !(await OwnLineOfAsync(replica)).IsMaster; await Task.Delay(20))
        {
            Assert.True(DateTime.UtcNow < until, replica.Endpoint + " was not promoted. Its last reply: " + reply);
            if (DateTime.UtcNow - asked < TimeSpan.FromSeconds(6))
                continue;
            // An error is temporary: the link is down, or the replica was promoted in the meantime.
            reply = (await replica.AskAsync("CLUSTER", "FAILOVER")).Text;
            asked = DateTime.UtcNow;
        }
    }

    public LabWedge Wedge() => new(Connection, Endpoints);

    /// <summary>A client of an application, which follows redirects.</summary>
    public RedirectFollower Client() => new(new NodeConnector(Connection), Nodes.First(node => node.IsRunning).Endpoint);

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}
