using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Shell;

/// <summary>An error record of a script.</summary>
/// <param name="Id">The fully qualified error id.</param>
/// <param name="Action">The recommended action; empty if there is none.</param>
/// <param name="Shown">The record as the error view shows it.</param>
internal sealed record CmdletError(string Id, string Message, string Action, string Target, string Category, string Shown)
{
    /// <summary>The part of the id that names the failure.</summary>
    public string Code => Id.Split(',')[0];
}

/// <summary>The result of a script that ran in a real PowerShell.</summary>
/// <param name="State">Completed, Failed (by a terminating error) or Stopped.</param>
/// <param name="Output">The output objects as ConvertTo-Json writes them.</param>
/// <param name="Screen">What the host itself showed, such as the text of -WhatIf.</param>
internal sealed record CmdletRun(
    string State,
    IReadOnlyList<JsonElement> Output,
    IReadOnlyList<CmdletError> Errors,
    IReadOnlyList<string> Warnings,
    IReadOnlyList<string> Verbose,
    IReadOnlyList<string> Debug,
    string Screen)
{
    /// <summary>The output objects as text; each must be a string.</summary>
    public IReadOnlyList<string> Lines => [.. Output.Select(line => line.GetString()!)];

    /// <summary>All text that a user can see.</summary>
    public string Text => string.Join(
        '\n',
        [
            Screen,
            .. Output.Select(TextOf),
            .. Errors.SelectMany(error => new[] { error.Shown, error.Message, error.Action, error.Target, error.Id }),
            .. Warnings,
            .. Verbose,
            .. Debug,
        ]);

    /// <summary>Asserts that there is no error record and no warning.</summary>
    public CmdletRun AssertClean()
    {
        Assert.True(State == "Completed" && Errors.Count == 0 && Warnings.Count == 0, ToString());
        return this;
    }

    /// <summary>Asserts that there is one error record and no output.</summary>
    public CmdletError AssertRefused(string code)
    {
        Assert.True(Errors.Count == 1 && Output.Count == 0 && Errors[0].Code == code, ToString());
        return Errors[0];
    }

    public override string ToString() => State + "\n" + Text;

    private static string TextOf(JsonElement output) =>
        output.ValueKind == JsonValueKind.String ? output.GetString()! : output.GetRawText();
}
