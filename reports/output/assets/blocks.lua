-- What Markdown has no words for: displays, statements, folded proofs, the place of the contents, breakable names.

local latex, typst, html = FORMAT:match 'latex', FORMAT:match 'typst', FORMAT:match 'html'

local function around(before, div, after)
  local blocks = div.content
  blocks:insert(1, pandoc.RawBlock(FORMAT, before))
  blocks:insert(pandoc.RawBlock(FORMAT, after))
  return blocks
end

local environments = {display = 'display', statement = 'statement', small = 'smalltext', keep = 'keep', reference = 'reference'}

function Div(div)
  local kind = div.classes[1]
  if kind == 'display' then
    div.content = div.content:walk {
      Math = function(formula)
        if latex then formula.text = '\\displaystyle ' .. formula.text end
        return formula
      end,
    }
  end
  if kind == 'fold' then
    local title = div.attributes.title
    if html then
      return around('<details class="proof"><summary>' .. title .. '</summary>', div, '</details>')
    end
    local head = pandoc.Para {pandoc.Strong {pandoc.Str(title .. '.')}}
    local kept = typst and around('#keep[', pandoc.Div({head}), ']') or {head}
    for place, block in ipairs(kept) do div.content:insert(place, block) end
    if typst then return around('#proof[', div, ']') end
    return div.content
  end
  if kind == 'contents' then
    if typst then return pandoc.RawBlock('typst', '#contents') end
    if latex then return pandoc.RawBlock('latex', '\\tableofcontents') end
    return {}
  end
  if kind == 'pagebreak' then
    if typst then return pandoc.RawBlock('typst', '#pagebreak(weak: true)') end
    if latex then return pandoc.RawBlock('latex', '\\clearpage') end
    return {}
  end
  if typst and (environments[kind] or kind == 'pairs' or kind == 'plain') then
    local label = div.identifier ~= '' and ' <' .. div.identifier .. '>' or ''
    return around('#' .. (environments[kind] or kind) .. '[', div, ']' .. label)
  end
  if latex and environments[kind] then
    local label = div.identifier ~= '' and '\\phantomsection\\label{' .. div.identifier .. '}' or ''
    return around(
      '\\begin{' .. environments[kind] .. '}' .. label, div, '\\end{' .. environments[kind] .. '}')
  end
  return div
end

-- pdfTeX sets Latin letters; what it has no glyph for is named by its number.
local function known(code)
  return code < 0x180 or (code >= 0x2010 and code <= 0x2026) or code == 0x20ac
end

local function shown(text)
  return (text:gsub(utf8.charpattern, function(character)
    local code = utf8.codepoint(character)
    if not known(code) then return string.format('[U+%04X]', code) end
  end))
end

function Str(word)
  if latex then return pandoc.Str(shown(word.text)) end
end

function Code(code)
  if latex then
    local escaped = pandoc.write(pandoc.Pandoc {pandoc.Plain {pandoc.Str(shown(code.text))}}, 'latex')
    escaped = escaped:gsub('[\r\n]', ''):gsub('([-/_:])', '%1\\allowbreak{}')
    return pandoc.RawInline('latex', '\\texttt{' .. escaped .. '}')
  end
end

function Image(image)
  if latex then image.src = image.src:gsub('%.svg$', '.pdf') end
  if latex or typst then image.attributes.width = '100%' end
  return image
end

function Table(table)
  if not html then return nil end
  local caption = pandoc.Div(table.caption.long, pandoc.Attr('', {'caption'}))
  table.caption = {long = {}}
  local wide = pandoc.Div({table}, pandoc.Attr('', {'wide'}, {tabindex = '0'}))
  return #caption.content > 0 and {caption, wide} or wide
end
