using System;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using System.Text;

namespace RedisClusterOps;

/// <summary>A cmdlet that moves keys of one slot: which slot, from where to where, and how.</summary>
public abstract class SlotMigrationCmdlet : RedisClusterCmdlet
{
    /// <summary>The slot, 0 to 16383.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateRange(0, 16383)]
    public int Slot { get; set; }

    /// <summary>The master that the keys leave: node id, unique id prefix, or <c>host:port</c>. Without it, what the cluster's flags say.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Source { get; set; }

    /// <summary>The master that the keys go to: node id, unique id prefix, or <c>host:port</c>. Without it, what the cluster's flags say.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Target { get; set; }

    /// <summary>Keys per MIGRATE, 1 to 100000; 0, the default, lets <see cref="MaxStall"/> decide.</summary>
    [Parameter]
    [ValidateRange(0, 100_000)]
    public int BatchSize { get; set; }

    /// <summary>How long one MIGRATE, which blocks both nodes, should take at most while the batch size is adaptive. 10 ms unless told.</summary>
    [Parameter]
    [Duration]
    public TimeSpan MaxStall { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Keys per second over the whole move; 0, the default, for as fast as it goes.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int MaxKeysPerSecond { get; set; }

    /// <summary>How long one MIGRATE may wait for the target. 60 s unless told.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>What to do with a key that holds different values on both sides. Stop unless told; the losing value is always saved first.</summary>
    [Parameter]
    public KeyConflictAction OnKeyConflict { get; set; } = KeyConflictAction.Stop;

    /// <summary>Folder for what must not be lost, such as the losing value of a conflict; the user's own data folder unless told.</summary>
    [Parameter]
    public string? JournalPath { get; set; }

    /// <summary>The parameters of the move as the core takes them.</summary>
    internal MoveOptions MoveOptions => new()
    {
        BatchSize = BatchSize,
        MaxStall = MaxStall,
        MaxKeysPerSecond = MaxKeysPerSecond,
        Timeout = Timeout,
        OnKeyConflict = OnKeyConflict,
        JournalPath = JournalPath is null ? null : GetUnresolvedProviderPathFromPSPath(JournalPath),
    };

    /// <summary>
    /// Shows the plan and asks for consent, once per slot. The plan's commands are part of the text that -WhatIf and -Confirm show: who
    /// rehearses wants to see what would be sent, and where to.
    /// </summary>
    /// <param name="plan">What would be done.</param>
    /// <param name="action">In short, such as <c>complete: move 100 keys from A to B</c>.</param>
    internal bool Consent(SlotPlan plan, string action)
    {
        foreach (var warning in plan.Warnings)
            WriteWarning(warning);
        var target = string.Format(CultureInfo.InvariantCulture, "slot {0}", plan.Slot);
        var commands = Describe(plan);
        return ShouldProcess(
            "Performing the operation \"" + action + "\" on target \"" + target + "\"." + commands,
            "Perform the operation \"" + action + "\" on target \"" + target + "\"?" + commands,
            "Confirm");
    }

    /// <summary>A count of keys for people; the server may not have told one.</summary>
    internal static string Keys(long? count) => count switch
    {
        null => "the keys",
        1 => "1 key",
        _ => count.Value.ToString(CultureInfo.InvariantCulture) + " keys",
    };

    private static string Describe(SlotPlan plan)
    {
        var text = new StringBuilder();
        var width = plan.Commands.Select(command => command.Node.Length).DefaultIfEmpty(0).Max();
        var number = 0;
        foreach (var command in plan.Commands)
        {
            text.AppendLine().AppendFormat(
                CultureInfo.InvariantCulture, "  {0,2}. {1}  {2}", ++number, command.Node.PadRight(width), command.Command);
            if (command.Why.Length > 0)
                text.AppendLine().Append("      ").Append(command.Why);
        }

        return text.ToString();
    }
}
