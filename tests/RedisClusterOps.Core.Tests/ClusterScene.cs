using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Core.Tests;

/// <summary>A cluster made up for a test: what each node believes, and how many keys of slot 5519 it holds.</summary>
/// <remarks>Ids are single words padded to forty characters, so that a failing test can be read.</remarks>
internal sealed class ClusterScene
{
    public const int Slot = 5519;

    private readonly List<Actor> _actors = [];
    private readonly Dictionary<string, long?> _keys = [];

    /// <summary>S owns slot 5519 and half of the others, X the other half, T has none; all agree.</summary>
    public static ClusterScene Stable() => new ClusterScene()
        .Master("S", epoch: 1, "0-8191").Master("X", epoch: 2, "8192-16383").Master("T", epoch: 3)
        .Keys("S", 100).Keys("T", 0).Keys("X", 0);

    /// <summary>The runbook's wedge: both flags, 100 keys on S, 50 on T.</summary>
    public static ClusterScene Wedged() => Stable().Migrating("S", "T").Importing("T", "S").Keys("S", 100).Keys("T", 50);

    public static string Id(string name) => name.PadRight(40, '0');

    public ClusterScene Master(string name, long epoch, string? slots = null) => With(new Actor(name, epoch, Set(slots)));

    public ClusterScene Replica(string name, string of) => With(new Actor(name, 0, SlotSet.Empty) { MasterOf = of });

    public ClusterScene Migrating(string name, string to, int slot = Slot) => Change(name, actor => actor.Migrating[slot] = Id(to));

    public ClusterScene Importing(string name, string from, int slot = Slot) => Change(name, actor => actor.Importing[slot] = Id(from));

    public ClusterScene Keys(string name, long? keys)
    {
        _keys[Id(name)] = keys;
        return this;
    }

    /// <summary>Does not answer; the others say that it is down.</summary>
    public ClusterScene Down(string name) => Change(name, actor => actor.IsDown = true);

    /// <summary>What a node says of its own slots, whatever the others believe.</summary>
    public ClusterScene Claims(string name, string? slots) => Change(name, actor => actor.Claimed = Set(slots));

    /// <summary>What everybody but the node itself believes it to own.</summary>
    public ClusterScene BelievedToOwn(string name, string? slots) => Change(name, actor => actor.Slots = Set(slots));

    /// <summary>What one node believes another to own.</summary>
    public ClusterScene Believes(string name, string other, string? slots) => Change(name, actor => actor.Beliefs[other] = Set(slots));

    public ClusterScene BecameReplica(string name, string of) => Change(name, actor =>
    {
        actor.MasterOf = of;
        actor.Slots = SlotSet.Empty;
    });

    public ClusterScene Task(string on, AtomicTask task) => Change(on, actor => actor.Tasks.Add(task));

    public ClusterScene Engine(string name, string info) => Change(name, actor => actor.Info = info);

    /// <summary>What a node reports of itself beyond its place in the cluster.</summary>
    public ClusterScene Reports(
        string name,
        string? info = null,
        string clusterInfo = "cluster_state:ok",
        long? keys = null,
        double? cpu = null) => Change(name, actor =>
    {
        actor.Info = info ?? actor.Info;
        actor.ClusterInfo = clusterInfo;
        actor.KeyCount = keys;
        actor.Cpu = cpu;
    });

    /// <summary>How the others speak of a node, and why it did not answer, where it did not.</summary>
    public ClusterScene In(string name, RedisNodeState state, string? trouble = null) => Change(name, actor =>
    {
        actor.State = state;
        actor.Trouble = trouble;
        actor.IsDown |= trouble is not null;
    });

    /// <summary>Answers, but refuses to be read; the others report no problem.</summary>
    public ClusterScene Refuses(string name, FailureCode code, string error, NextAction? next = null) => Change(name, actor =>
    {
        (actor.IsDown, actor.State, actor.Trouble) = (true, RedisNodeState.Unreachable, error);
        actor.Failure = new RedisServerException(code, Endpoint(actor), "CLUSTER NODES", error, next);
    });

    /// <summary>How one node flags another that is down, if not as failed.</summary>
    public ClusterScene Flags(string name, string other, NodeFlags flags) => Change(name, actor => actor.Flagged[other] = flags);

    /// <summary>One node lists another at another address.</summary>
    public ClusterScene ListsAt(string name, string other, string host) => Change(name, actor => actor.Addresses[other] = host);

    /// <summary>One node does not list another.</summary>
    public ClusterScene Forgot(string name, string other) => Change(name, actor => actor.Forgotten.Add(other));

    /// <summary>One node's bus link to another is down.</summary>
    public ClusterScene Unlinked(string name, string other) => Change(name, actor => actor.Unlinked.Add(other));

    public ClusterScene Hostname(string name, string hostname) => Change(name, actor => actor.Hostname = hostname);

    /// <summary>Whether a node's MIGRATE speaks TLS, and, where that is not what we speak, at which ports it knows the others.</summary>
    public ClusterScene Migrates(string name, bool? tls, params (string Name, int Port)[]? ports) => Change(name, actor =>
    {
        actor.TlsCluster = tls;
        actor.MigratePorts = ports?.ToDictionary(port => Id(port.Name), port => port.Port);
    });

    public ClusterView View() => new(
        _actors.Select(Node).OrderBy(node => node.Id, StringComparer.Ordinal).ToList(),
        new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));

    public SlotSituation Situation()
    {
        var known = _keys.Where(pair => !_actors.Single(actor => Id(actor.Name) == pair.Key).IsDown);
        return new SlotSituation(View(), Slot, known.ToDictionary());
    }

    public SlotDiagnosis? Diagnose() => SlotDiagnostician.Diagnose(Situation());

    /// <summary>The check of the whole cluster, with slot 5519 as the only one that may be open.</summary>
    /// <param name="strays">The node that holds keys of slots which it does not own, and those slots.</param>
    public RedisClusterHealth Check(int minimumReplica = 0, params (string Name, string Slots)[] strays)
    {
        var session = RedisClusterSession.Parse("10.0.0.1:6379");
        var view = View();
        return HealthCheck.Check(
            view,
            NodeReport.Nodes(view, session),
            Diagnose() is { } diagnosis ? [SlotAdvice.Describe(diagnosis, session)] : [],
            strays.ToDictionary(stray => Id(stray.Name), stray => Set(stray.Slots)),
            new HealthOptions { MinimumReplica = minimumReplica, Deep = strays.Length > 0 },
            session);
    }

    private ClusterScene With(Actor actor)
    {
        _actors.Add(actor);
        return this;
    }

    private ClusterScene Change(string name, Action<Actor> change)
    {
        change(_actors.Single(actor => actor.Name == name));
        return this;
    }

    private ClusterNode Node(Actor actor)
    {
        var view = actor.IsDown ? null : new NodeView(
            Endpoint(actor), _actors.Where(other => !actor.Forgotten.Contains(other.Name)).Select(other => Line(actor, other)).ToList())
        {
            AtomicTasks = actor.Tasks,
            Facts = ServerFacts.Parse(actor.Info),
            ClusterInfo = ServerFacts.ParseFields(actor.ClusterInfo),
            KeyCount = actor.KeyCount,
            CpuPercent = actor.Cpu,
            TlsCluster = actor.TlsCluster,
            MigratePorts = actor.MigratePorts,
        };
        var seen = _actors.First(other => !other.IsDown);
        var state = actor.State ?? (actor.IsDown ? RedisNodeState.Fail : RedisNodeState.Ok);
        NodeEndpoint? announced = state == RedisNodeState.NoAddress ? null : Endpoint(actor);
        var trouble = actor.Trouble ?? (actor.IsDown ? "connection refused" : null);
        return new ClusterNode(Id(actor.Name), announced, view?.Self ?? Line(seen, actor), view, state, trouble)
        {
            Failure = actor.Failure,
        };
    }

    private static NodeLine Line(Actor by, Actor about)
    {
        var self = by == about;
        return new NodeLine
        {
            Id = Id(about.Name),
            Host = by.Addresses.TryGetValue(about.Name, out var host) ? host : "10.0.0." + (about.Name[0] - 'A' + 1),
            Port = 6379,
            Flags = (self ? NodeFlags.Myself : NodeFlags.None)
                | (about.MasterOf is null ? NodeFlags.Master : NodeFlags.Replica)
                | FlagsOf(by, about),
            MasterId = about.MasterOf is { } master ? Id(master) : null,
            Hostname = about.Hostname,
            ConfigEpoch = about.Epoch,
            Connected = !about.IsDown && !by.Unlinked.Contains(about.Name),
            Slots = self ? about.Claimed ?? about.Slots : by.Beliefs.TryGetValue(about.Name, out var belief) ? belief : about.Slots,
            MigratingTo = self ? about.Migrating : NodeLine.NoSlots,
            ImportingFrom = self ? about.Importing : NodeLine.NoSlots,
        };
    }

    // A node that is down is flagged as failed, unless the scene says how it is.
    private static NodeFlags FlagsOf(Actor by, Actor about) => by.Flagged.TryGetValue(about.Name, out var flags) ? flags
        : !about.IsDown ? NodeFlags.None
        : about.State switch
        {
            null or RedisNodeState.Fail => NodeFlags.Fail,
            RedisNodeState.PFail => NodeFlags.PFail,
            _ => NodeFlags.None,
        };

    private static NodeEndpoint Endpoint(Actor actor) => new("10.0.0." + (actor.Name[0] - 'A' + 1), 6379);

    private static SlotSet Set(string? slots) => SlotSet.From((slots ?? string.Empty).Split(',', StringSplitOptions.RemoveEmptyEntries)
        .Select(text => SlotRange.TryParse(text, out var range) ? range : throw new FormatException(text)));

    private sealed class Actor(string name, long epoch, SlotSet slots)
    {
        public string Name { get; } = name;

        public long Epoch { get; } = epoch;

        public SlotSet Slots { get; set; } = slots;

        public SlotSet? Claimed { get; set; }

        public Dictionary<string, SlotSet> Beliefs { get; } = [];

        public string? MasterOf { get; set; }

        public bool IsDown { get; set; }

        public RedisNodeState? State { get; set; }

        public string? Trouble { get; set; }

        public string? Hostname { get; set; }

        public string Info { get; set; } = "redis_version:7.0.15";

        public string ClusterInfo { get; set; } = "cluster_state:ok";

        public long? KeyCount { get; set; }

        public double? Cpu { get; set; }

        public bool? TlsCluster { get; set; }

        public Dictionary<string, int>? MigratePorts { get; set; }

        public HashSet<string> Unlinked { get; } = [];

        public HashSet<string> Forgotten { get; } = [];

        public Dictionary<string, string> Addresses { get; } = [];

        public Dictionary<string, NodeFlags> Flagged { get; } = [];

        public RedisOperationException? Failure { get; set; }

        public Dictionary<int, string> Migrating { get; } = [];

        public Dictionary<int, string> Importing { get; } = [];

        public List<AtomicTask> Tasks { get; } = [];
    }
}
