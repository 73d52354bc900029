using System;
using System.Text;

namespace RedisClusterOps;

/// <summary>Renders a next action of the core as a command line of this module.</summary>
internal static class NextActionText
{
    /// <summary>Renders the command line, with its note and its alternative.</summary>
    public static string Of(NextAction next)
    {
        var command = next.Code == NextActionCode.Advice ? string.Empty : CommandOf(next);
        var note = next.Note is null ? string.Empty : command.Length == 0 ? next.Note : "   (" + next.Note + ")";
        return command + note + (next.Or is null ? string.Empty : "; or " + Of(next.Or));
    }

    /// <summary>Renders the next action of a failure; null if it has none.</summary>
    public static string? NextStep(this RedisOperationException failure) => failure.Next is null ? null : Of(failure.Next);

    /// <summary>An outcome's result. The reason of a failure includes the next action, because a table shows no error record.</summary>
    public static RedisSlotMigrationResult ResultOf(SlotOutcome outcome) => outcome.Failure?.NextStep() is { } next
        ? outcome.Result with { Reason = outcome.Result.Reason + " Next: " + next }
        : outcome.Result;

    private static string CommandOf(NextAction next)
    {
        if (ManualStep(next) is { } step)
            return step;
        var text = new StringBuilder(Verb(next.Code));
        Add(" -Slot ", next.Slots);
        Add(" -Source ", next.Source);
        if (next.Code is not (NextActionCode.SetReplica or NextActionCode.AddNode or NextActionCode.MeetNode))
            Add(" -Target ", next.Target);
        Add(NodeParameter(next.Code), next.Code == NextActionCode.MeetNode ? next.Target : next.Node);
        if (next.Code is NextActionCode.SetReplica or NextActionCode.AddNode)
            Add(" -ReplicaOf ", next.Target);
        Add(next.Code == NextActionCode.Undo ? " -MigrationId " : " -Id ", next.MigrationId);
        foreach (var (option, parameter) in Parameters)
        {
            if ((next.Options & option) != 0)
                text.Append(parameter);
        }

        Add(" -OnKeyConflict ", next.OnKeyConflict?.ToString());
        Add(" -Timeout ", next.Timeout);
        Add(" -JournalPath ", Quoted(next.JournalPath));
        return text.Append(View(next)).ToString();

        void Add(string parameter, string? value)
        {
            if (value is not null)
                text.Append(parameter).Append(value);
        }
    }

    private static readonly (NextActionOptions Option, string Parameter)[] Parameters =
    [
        (NextActionOptions.Deep, " -Deep"),
        (NextActionOptions.Detail, " -Detail"),
        (NextActionOptions.AllowUnreachableNode, " -AllowUnreachableNode"),
        (NextActionOptions.UseEmptyMaster, " -UseEmptyMaster"),
        (NextActionOptions.KeyByKey, " -Method KeyByKey"),
        (NextActionOptions.UseTls, " -UseTls"),
        (NextActionOptions.Credential, " -Credential (Get-Credential)"),
        (NextActionOptions.Certificate, " -CertificatePath <file with certificate and key>"),
        (NextActionOptions.CaCertificate, " -CaCertificatePath <file of the certificate authority>"),
        (NextActionOptions.BySlots, " -By Slots"),
        (NextActionOptions.Drain, " -Drain"),
        (NextActionOptions.Reset, " -Reset"),
        (NextActionOptions.Force, " -Mode Force"),
        (NextActionOptions.Takeover, " -Mode Takeover"),
        (NextActionOptions.PullBack, " -Strategy PullBack"),
        (NextActionOptions.AddressMap, " -AddressMap @{ '<announced host:port>' = '<host:port from here>' }"),
    ];

    // Commands for a server that no operation of this module sends.
    private static string? ManualStep(NextAction next) => next.Code switch
    {
        NextActionCode.StopScript => "Invoke-RedisClusterCommand SCRIPT KILL -Node " + next.Node,
        NextActionCode.StopFunction => "Invoke-RedisClusterCommand FUNCTION KILL -Node " + next.Node,
        _ => null,
    };

    // A path in angle brackets is a description.
    private static string? Quoted(string? path) =>
        path is null || path[0] == '<' || path.Split(' ').Length == 1 ? path : "'" + string.Join("''", path.Split('\'')) + "'";

    private static string Verb(NextActionCode code) => code switch
    {
        NextActionCode.CheckCluster => "Get-RedisClusterHealth",
        NextActionCode.ShowCluster => "Get-RedisClusterInfo",
        NextActionCode.ShowNodes or NextActionCode.ShowVersions or NextActionCode.ShowEpochs => "Get-RedisClusterNode",
        NextActionCode.ShowMasters => "Get-RedisClusterNode -Role Master",
        NextActionCode.ShowReplicas => "Get-RedisClusterNode -Role Replica",
        NextActionCode.ShowOpenSlots => "Get-RedisOpenSlot",
        NextActionCode.ShowKeys => "Get-RedisSlotKey",
        NextActionCode.FindSlotOfKey => "Get-RedisKeySlot -Key <key>",
        NextActionCode.ShowAlerts => "Get-RedisClusterAlert",
        NextActionCode.Start => "Start-RedisSlotMigration",
        NextActionCode.Complete => "Complete-RedisSlotMigration",
        NextActionCode.Undo => "Undo-RedisSlotMigration",
        NextActionCode.Restart => "Restart-RedisSlotMigration",
        NextActionCode.Repair => "Repair-RedisCluster",
        NextActionCode.MoveKeys => "Move-RedisSlotKey",
        NextActionCode.MoveSlots => "Move-RedisSlot",
        NextActionCode.PlanRebalance => "New-RedisRebalancePlan",
        NextActionCode.Resume => "Resume-RedisMigration",
        NextActionCode.ShowRuns => "Get-RedisMigration",
        NextActionCode.ShowRunningRuns => "Get-RedisMigration -Running",
        NextActionCode.Connect => "Connect-RedisCluster",
        NextActionCode.WriteAlertState => "Get-RedisClusterAlert",
        NextActionCode.WriteReport => "Export-RedisClusterReport",
        NextActionCode.MeasureLinks => "Measure-RedisClusterLink",
        NextActionCode.AddNode or NextActionCode.MeetNode => "Add-RedisClusterNode",
        NextActionCode.RemoveNode => "Remove-RedisClusterNode",
        NextActionCode.SetReplica => "Set-RedisClusterReplica",
        NextActionCode.FailOver => "Invoke-RedisClusterFailover",
        NextActionCode.CreateCluster => "New-RedisCluster",
        NextActionCode.Repeat => "the same command with",
        NextActionCode.ShowConnectExamples => "Get-Help Connect-RedisCluster -Examples",
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, null),
    };

    private static string NodeParameter(NextActionCode code) => code switch
    {
        NextActionCode.Connect or NextActionCode.MeetNode or NextActionCode.AddNode => " -Endpoint ",
        NextActionCode.WriteAlertState => " -StatePath ",
        NextActionCode.WriteReport => " -Path ",
        NextActionCode.PlanRebalance => " -OutFile ",
        _ => " -Node ",
    };

    private static string View(NextAction next) => next.Code switch
    {
        NextActionCode.ShowNodes when next.Node is not null => " | Format-List",
        NextActionCode.ShowCluster => " | Format-List",
        NextActionCode.ShowVersions => " | Format-Table Endpoint, Engine, Version",
        NextActionCode.ShowEpochs => " | Format-Table Endpoint, ConfigEpoch",
        _ => string.Empty,
    };
}
