using System;
using System.Text;

namespace RedisClusterOps;

/// <summary>The kinds of next action. Each one is a question to answer or a change to make; none names a command of a front end.</summary>
public enum NextActionCode
{
    /// <summary>Plain advice that no operation covers: the text is in <see cref="NextAction.Note"/>.</summary>
    Advice,

    /// <summary>Check the cluster.</summary>
    CheckCluster,

    /// <summary>Show the cluster as one object.</summary>
    ShowCluster,

    /// <summary>List the nodes, or show the one that <see cref="NextAction.Node"/> names in full.</summary>
    ShowNodes,

    /// <summary>List the masters.</summary>
    ShowMasters,

    /// <summary>List the nodes with engine and version.</summary>
    ShowVersions,

    /// <summary>List the open slots, or show those that <see cref="NextAction.Slots"/> names.</summary>
    ShowOpenSlots,

    /// <summary>List the keys of a slot on a node.</summary>
    ShowKeys,

    /// <summary>Find the slot of a key.</summary>
    FindSlotOfKey,

    /// <summary>List the active alerts.</summary>
    ShowAlerts,

    /// <summary>Start the migration of a slot.</summary>
    Start,

    /// <summary>Complete the migration of a slot.</summary>
    Complete,

    /// <summary>Undo the migration of a slot, or a whole run.</summary>
    Undo,

    /// <summary>Restart the migration of a slot.</summary>
    Restart,

    /// <summary>Repair slots.</summary>
    Repair,

    /// <summary>Move keys of an open slot.</summary>
    MoveKeys,

    /// <summary>Move whole slots.</summary>
    MoveSlots,

    /// <summary>Make a rebalance plan.</summary>
    PlanRebalance,

    /// <summary>Resume a run.</summary>
    Resume,

    /// <summary>List the runs of the journal.</summary>
    ShowRuns,

    /// <summary>List the runs in progress.</summary>
    ShowRunningRuns,

    /// <summary>Connect again with other settings.</summary>
    Connect,

    /// <summary>Write an alert state file to another path.</summary>
    WriteAlertState,

    /// <summary>Write a report to another path.</summary>
    WriteReport,

    /// <summary>List the replicas.</summary>
    ShowReplicas,

    /// <summary>List the nodes with their config epochs.</summary>
    ShowEpochs,

    /// <summary>Repeat the operation that failed, with the options that are set here.</summary>
    Repeat,

    /// <summary>Measure the connections and the cluster bus.</summary>
    MeasureLinks,

    /// <summary>Show examples of how to connect.</summary>
    ShowConnectExamples,

    /// <summary>Stop the script that <see cref="NextAction.Node"/> runs.</summary>
    StopScript,

    /// <summary>Stop the function that <see cref="NextAction.Node"/> runs.</summary>
    StopFunction,

    /// <summary>
    /// Introduce the node at the address <see cref="NextAction.Target"/> to the cluster, by way of <see cref="NextAction.Node"/>.
    /// </summary>
    MeetNode,

    /// <summary>Make the node <see cref="NextAction.Node"/> a replica of the master <see cref="NextAction.Target"/>.</summary>
    SetReplica,

    /// <summary>
    /// Add the node at the address <see cref="NextAction.Node"/> to the cluster, as a replica of <see cref="NextAction.Target"/> if that is
    /// set.
    /// </summary>
    AddNode,

    /// <summary>Remove the node <see cref="NextAction.Node"/> from the cluster.</summary>
    RemoveNode,

    /// <summary>Promote the replica <see cref="NextAction.Node"/>.</summary>
    FailOver,

    /// <summary>Create a cluster from empty nodes.</summary>
    CreateCluster,

    /// <summary>Measure the traffic of the nodes for ten seconds.</summary>
    MeasureTraffic,

    /// <summary>Restore the saved value of a key from the file <see cref="NextAction.Node"/>.</summary>
    RestoreKey,
}

/// <summary>Options of a next action.</summary>
[Flags]
public enum NextActionOptions
{
    /// <summary>No option.</summary>
    None = 0,

    /// <summary>Check every node for stray keys, too.</summary>
    Deep = 1,

    /// <summary>Show type, time to live and size of each key.</summary>
    Detail = 2,

    /// <summary>Continue without a node that does not answer.</summary>
    AllowUnreachableNode = 4,

    /// <summary>Give slots to masters without any.</summary>
    UseEmptyMaster = 8,

    /// <summary>Move key by key instead of by the servers' own migration.</summary>
    KeyByKey = 16,

    /// <summary>Log in with another user name and password.</summary>
    Credential = 32,

    /// <summary>Connect by TLS.</summary>
    UseTls = 64,

    /// <summary>Present a client certificate.</summary>
    Certificate = 128,

    /// <summary>Trust the certificate authority of a file.</summary>
    CaCertificate = 256,

    /// <summary>Plan by number of slots.</summary>
    BySlots = 512,

    /// <summary>Bring the keys back instead of completing the migration first.</summary>
    PullBack = 1024,

    /// <summary>Connect with a map from announced addresses to those that this machine can reach.</summary>
    AddressMap = 2048,

    /// <summary>Reset the node that is removed.</summary>
    Reset = 4096,

    /// <summary>Move the slots of the node that is removed to the other masters first.</summary>
    Drain = 8192,

    /// <summary>Promote a replica by a vote of the masters, without waiting for its master.</summary>
    Force = 16384,

    /// <summary>Promote a replica without a vote of the masters.</summary>
    Takeover = 32768,

    /// <summary>Keep a master that loses its last slot a master.</summary>
    KeepEmptyMaster = 65536,

    /// <summary>Replace what exists.</summary>
    Replace = 131072,
}

/// <summary>What to do next, as data. The front end renders it as one of its commands.</summary>
/// <param name="Code">The kind of action.</param>
public sealed record NextAction(NextActionCode Code)
{
    /// <summary>A step that is no command of this module, in words.</summary>
    internal static NextAction Advise(string text) => new(NextActionCode.Advice) { Note = text };

    /// <summary>Slots and ranges, as in <c>5519</c> or <c>0-5460,9000</c>; null if the action concerns no slot.</summary>
    public string? Slots { get; init; }

    /// <summary>
    /// The node, id, endpoint or file path that the action needs; a description in angle brackets if the user has to choose it.
    /// </summary>
    public string? Node { get; init; }

    /// <summary>The source of the slots, as <see cref="Node"/>.</summary>
    public string? Source { get; init; }

    /// <summary>The target of the slots, as <see cref="Node"/>.</summary>
    public string? Target { get; init; }

    /// <summary>The id of a run; null for every run.</summary>
    public string? MigrationId { get; init; }

    /// <summary>The options that the action needs.</summary>
    public NextActionOptions Options { get; init; }

    /// <summary>Which value to keep where a key differs; null if the action needs no such choice.</summary>
    public KeyConflictAction? OnKeyConflict { get; init; }

    /// <summary>A longer timeout for the transfer of keys, as in <c>5m</c>; null if the action needs none.</summary>
    public string? Timeout { get; init; }

    /// <summary>Another folder for the journal and for saved values, as <see cref="Node"/>.</summary>
    public string? JournalPath { get; init; }

    /// <summary>A short remark to show after the command: a condition, or a consequence.</summary>
    public string? Note { get; init; }

    /// <summary>An alternative; null if there is none.</summary>
    public NextAction? Or { get; init; }

    /// <summary>A short text for logs and debuggers, which names no command.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Code == NextActionCode.Advice ? string.Empty : Code.ToString());
        (string, string?)[] parts =
        [
            ("slots", Slots), ("node", Node), ("from", Source), ("to", Target), ("run", MigrationId),
            ("on conflict", OnKeyConflict?.ToString()), ("timeout", Timeout), ("journal", JournalPath), (string.Empty, Note),
        ];
        foreach (var (name, part) in parts)
        {
            if (part is not null)
                text.Append(text.Length == 0 ? string.Empty : " ").Append(name).Append(name.Length == 0 ? string.Empty : " ").Append(part);
        }

        return text.ToString();
    }
}
