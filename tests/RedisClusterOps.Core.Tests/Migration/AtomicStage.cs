using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Atomic;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>Two scripted masters in memory that migrate slots. A wait takes no real time.</summary>
internal sealed class AtomicStage
{
    public const string SourceId = "5000000000000000000000000000000000000000";
    public const string TargetId = "7000000000000000000000000000000000000000";

    private readonly ScriptedNodes _nodes = new();
    private readonly FastClock _clock = new();

    public AtomicStage(bool valkey)
    {
        IsValkey = valkey;
        _nodes.Node("10.0.0.1:6379", command => Answer(command, SourceId)).Node("10.0.0.2:6379", command => Answer(command, TargetId));
    }

    public bool IsValkey { get; }

    public static SlotSet Slots { get; } = SlotSet.From([new SlotRange(0, 9)]);

    /// <summary>The owner of the slots according to each node.</summary>
    public string OwnerBySource { get; set; } = SourceId;

    public string OwnerByTarget { get; set; } = SourceId;

    public string Owner
    {
        set => OwnerBySource = OwnerByTarget = value;
    }

    /// <summary>The list of a task that has moved the slots.</summary>
    public RespValue Done(string id = "task1")
    {
        Owner = TargetId;
        return RespValue.Array([Entry(id, IsValkey ? "success" : "completed")]);
    }

    /// <summary>The flags on the target's own line.</summary>
    public string OpenOnTarget { get; set; } = string.Empty;

    /// <summary>The lists of host and peer, by the number of reads since the last start.</summary>
    public Func<int, RespValue> HostLists { get; set; } = _ => RespValue.Array([]);

    public Func<int, RespValue> PeerLists { get; set; } = _ => RespValue.Array([]);

    /// <summary>The reply to the nth start.</summary>
    public Func<int, RespValue> Begins { get; set; } = n => RespValue.Bulk("task" + n);

    public Action Cancelled { get; set; } = () => { };

    /// <summary>The number of cancellations that meet the handover.</summary>
    public int TooLate { get; set; }

    public string? RefusesToCancel { get; set; }

    /// <summary>The end that was demoted by a failover; null if none was.</summary>
    public string? Demoted { get; set; }

    public string ClusterInfo { get; set; } = "cluster_state:ok\r\n";

    public string Keyspace { get; set; } = "db0:keys=1\r\n";

    public int Orders { get; private set; }

    public int Cancels { get; private set; }

    public int Reads { get; private set; }

    public List<string> Reports { get; } = [];

    public TimeSpan Passed => _clock.Now;

    /// <summary>An entry of a list, with more fields as alternating names and values.</summary>
    public RespValue Entry(string id, string state, string message = "", string? slots = null, bool host = true, params RespValue[] more)
    {
        var operation = IsValkey ? host ? "EXPORT" : "IMPORT" : host ? "import" : "migrate";
        string[] names = IsValkey
            ? ["name", "slot_ranges", "source_node", "target_node", "message"]
            : ["id", "slots", "source", "dest", "last_error"];
        string[] values = [id, slots ?? "0-9", SourceId, TargetId, message];
        return RespValue.Array([
            .. names.Zip(values).SelectMany(pair => new[] { RespValue.Bulk(pair.First), RespValue.Bulk(pair.Second) }),
            RespValue.Bulk("operation"), RespValue.Bulk(operation), RespValue.Bulk("state"), RespValue.Bulk(state), .. more]);
    }

    public RespValue Failing(string id, int retries, string message) =>
        RespValue.Array([Entry(id, "failed", message, null, true, RespValue.Bulk("retries"), RespValue.Number(retries))]);

    public async Task<AtomicOutcome> MoveAsync(AtomicLimits? limits = null, CancellationToken stop = default)
    {
        var session = RedisClusterSession.Parse("10.0.0.1:6379");
        using var connections = new ClusterConnections(_nodes);
        var reader = new ClusterReader(session, connections);
        var view = await reader.ReadAsync(null, default);
        using var request = new StopRequest(_clock, stop);
        var move = new AtomicMove(reader, view.Node(SourceId)!, view.Node(TargetId)!, Slots, null, request, Reports.Add)
        {
            Limits = limits ?? new AtomicLimits(),
        };
        return await move.RunAsync().WaitAsync(TimeSpan.FromMinutes(2), CancellationToken.None);
    }

    public async Task<RedisOperationException> FailsAsync(FailureCode code, AtomicLimits? limits = null)
    {
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => MoveAsync(limits));
        Assert.True(code == failure.Code, failure.Code + ": " + failure.Message);
        return failure;
    }

    private RespValue Answer(RespCommand command, string id)
    {
        var text = command.ToString();
        var host = (id == SourceId) == IsValkey;
        switch (text)
        {
            case "CLUSTER NODES":
                return RespValue.Bulk(Line(SourceId, 1, id) + Line(TargetId, 2, id));
            case "CLUSTER INFO":
                return RespValue.Bulk(ClusterInfo);
            case "INFO":
                return RespValue.Bulk(
                    IsValkey ? "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n" : "redis_version:8.6.3\r\n");
            case "INFO keyspace":
                return RespValue.Bulk(Keyspace);
            case "DBSIZE":
                return RespValue.Number(1);
            case "CLUSTER MIGRATION STATUS ALL" or "CLUSTER GETSLOTMIGRATIONS":
                return host ? HostLists(Reads++) : PeerLists(Reads);
            case "CONFIG GET tls-cluster":
                return RespValue.Array([]);
            case "CONFIG GET cluster-databases":
                return RespValue.Array([RespValue.Bulk("cluster-databases"), RespValue.Bulk("1")]);
        }

        if (text.StartsWith("CLUSTER MIGRATION IMPORT") || text.StartsWith("CLUSTER MIGRATESLOTS"))
        {
            Assert.True(host);
            Reads = 0;
            return Begins(++Orders);
        }

        Assert.True(host && (text.StartsWith("CLUSTER MIGRATION CANCEL ID task") || text.StartsWith("EVAL_RO ")), text);
        if (TooLate-- > 0)
            return RespValue.Bulk("too late");
        if (RefusesToCancel is { } error)
            return RespValue.Error(error);
        Cancels++;
        Cancelled();
        return RespValue.Number(1);
    }

    private string Line(string about, int number, string by)
    {
        var owner = by == SourceId ? OwnerBySource : OwnerByTarget;
        var open = about == by && about == TargetId ? OpenOnTarget : string.Empty;
        var role = about == Demoted ? "slave " + (about == SourceId ? TargetId : SourceId) : "master -";
        return about + " 10.0.0." + number + ":6379@16379 " + (about == by ? "myself," : string.Empty) + role
            + " 0 0 " + number + " connected" + (about == owner ? " 0-9" : string.Empty)
            + (about == TargetId ? " 10-16383" : string.Empty) + open + "\n";
    }

    /// <summary>A clock on which a pause passes at once.</summary>
    private sealed class FastClock : IClock
    {
        public TimeSpan Now { get; private set; }

        public DateTime UtcNow => DateTime.UtcNow;

        public async Task PauseAsync(TimeSpan pause, CancellationToken cancellation)
        {
            await Task.Yield();
            cancellation.ThrowIfCancellationRequested();
            Now += pause;
        }
    }
}
